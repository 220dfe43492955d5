import {
  channels,
  type CommitOutcome,
  type EngineDescription,
  type ErrorFacts,
  type Site,
} from '../../../server-lib/channels/index.ts'
import type { CommitStep, EndReason } from '../../../server-lib/channels/index.ts'

/** A site as the session core makes it. */
export const SITE: Site = {
  label: 'src/orders.ts:41',
  frames: ['placeOrder (src/orders.ts:41:19)', 'main (src/app.ts:7:3)'],
}

export function description(engine = 'writer', pool = `${engine}#1`): EngineDescription {
  return {
    engine,
    pool,
    isDefault: true,
    system: 'postgresql',
    mode: 'transaction',
    access: 'write',
    enlist: 'atomic',
    transactional: false,
    source: 'connection',
    owned: true,
    min: 0,
    max: 10,
    checkoutTimeoutMs: 10_000,
    heldWarningMs: 30_000,
    idleInTransactionWarningMs: 10_000,
    transactions: 'told',
    serverAddress: '127.0.0.1',
    serverPort: 5432,
    database: 'shop',
    application: 'shop',
    pid: process.pid,
    thread: 0,
  }
}

export const OUTCOME_FINISHED = { outcome: 'finished', status: 200, unreleased: [] } as const

/** Publishes what a session core would publish; the clock is the test's own. */
export class Speaker {
  at = 1_000
  readonly engine: string
  readonly pool: string

  constructor(engine = 'writer') {
    this.engine = engine
    this.pool = `${engine}#1`
  }

  declare(): void {
    const { engine, at } = this
    channels.engine.publish({ phase: 'declared', at, engine, description: description(engine) })
  }

  connect(connection: string, slot: number): void {
    const { engine, pool, at } = this
    channels.pool.publish({ phase: 'connected', at, engine, pool, connection, slot, backendPid: 100 + slot })
  }

  disconnect(connection: string, slot: number): void {
    const { engine, pool, at } = this
    const reason = 'closed by the pool'
    channels.pool.publish({ phase: 'disconnected', at, engine, pool, connection, slot, reason, uses: 0 })
  }

  request(id: string, label = 'GET /orders'): void {
    const { engine, at } = this
    channels.request.publish({
      phase: 'start',
      at,
      id,
      kind: 'http',
      label,
      attribute: 'db',
      engines: [engine],
    })
  }

  requestEnd(
    id: string,
    end: {
      outcome: 'finished' | 'aborted' | 'failed'
      status: number | null
      unreleased: readonly string[]
    } = OUTCOME_FINISHED,
  ): void {
    channels.request.publish({ phase: 'end', at: this.at, id, ...end })
  }

  session(id: string, request: string): void {
    const { engine, at } = this
    channels.session.publish({ phase: 'start', at, id, engine, request, mode: 'transaction' })
  }

  sessionState(id: string, request: string, state: 'idle' | 'active' | 'failed' | 'lost' | 'ended'): void {
    const { engine, at } = this
    channels.session.publish({ phase: 'state', at, id, engine, request, state })
  }

  sessionEnd(id: string, request: string): void {
    const { engine, at } = this
    channels.session.publish({ phase: 'end', at, id, engine, request, released: true, statements: 1 })
  }

  ask(id: string, request: string | null, session: string | null = null): void {
    const { engine, pool, at } = this
    channels.checkout.publish({
      phase: 'start',
      at,
      id,
      engine,
      pool,
      request,
      session,
      site: SITE,
      isLineTaken: true,
    })
  }

  acquire(id: string, connection: string, slot = 0): void {
    const { engine, pool, at } = this
    channels.checkout.publish({
      phase: 'acquired',
      at,
      id,
      engine,
      pool,
      waitMs: 0,
      connection,
      slot,
      backendPid: 100 + slot,
    })
  }

  release(id: string, connection: string): void {
    const { engine, pool, at } = this
    channels.checkout.publish({
      phase: 'released',
      at,
      id,
      engine,
      pool,
      connection,
      heldMs: 1,
      discarded: null,
      wasOverdue: false,
    })
  }

  overdue(id: string, connection: string, request: string | null): void {
    const { engine, pool, at } = this
    const held = { heldMs: 31_000, state: 'executing', stateMs: 1, keptFor: null, stalledMs: 0 } as const
    const whose = { request, requestLabel: null, session: null, site: SITE.label, isLineTaken: true }
    const where = { engine, pool, slot: 0, connection, backendPid: 100 }
    channels.checkout.publish({ phase: 'overdue', at, id, ...where, ...whose, ...held })
  }

  stalled(stalledMs: number): void {
    channels.process.publish({ phase: 'stalled', at: this.at, stalledMs })
  }

  begin(id: string, connection: string, request: string | null): void {
    const { engine, pool, at } = this
    channels.transaction.publish({
      phase: 'start',
      at,
      id,
      engine,
      pool,
      connection,
      backendPid: 100,
      checkout: null,
      session: null,
      request,
      site: SITE,
    })
  }

  commit(id: string): void {
    const outcome = 'committed' as const
    channels.transaction.publish({
      phase: 'end',
      at: this.at,
      id,
      durationMs: 1,
      outcome,
      asked: 'commit',
      statements: 1,
    })
  }

  statement(
    id: string,
    connection: string,
    request: string | null,
    text = 'select 1 from orders where id = $1',
    parameters = 1,
  ): void {
    const { engine, pool, at } = this
    channels.statement.publish({
      phase: 'start',
      at,
      id,
      engine,
      pool,
      connection,
      slot: 0,
      backendPid: 100,
      checkout: null,
      session: null,
      request,
      transaction: null,
      text,
      parameters,
      kind: 'query',
      queuedMs: 0,
      site: SITE,
      valuesHash: 1,
    })
  }

  statementEnd(id: string, error: ErrorFacts | null = null): void {
    const { engine, at } = this
    channels.statement.publish({
      phase: 'end',
      at,
      id,
      engine,
      durationMs: 1,
      rows: 1,
      command: error ? null : 'SELECT',
      error,
    })
  }

  ending(id: string, request: string, why: EndReason = 'commit'): void {
    const { engine, at } = this
    channels.session.publish({ phase: 'ending', at, id, engine, request, why, site: SITE })
  }

  commitStart(id: string, request: string, gid: string | null = null): void {
    const { engine, at } = this
    const mode = gid === null ? 'one-phase' : 'two-phase'
    const role = gid === null ? 'commits' : 'prepares'
    const participants = [{ engine, session: `s-${request}`, role, gid }] as const
    const transaction = gid === null ? null : '7e57'
    channels.commit.publish({ phase: 'start', at, id, request, mode, transaction, participants, site: SITE })
  }

  step(id: string, step: CommitStep): void {
    const { engine, at } = this
    channels.commit.publish({ phase: 'step started', at, id, engine, step })
  }

  stepEnd(id: string, step: CommitStep, error: ErrorFacts | null = null): void {
    const { engine, at } = this
    const command = error === null ? 'COMMIT' : null
    channels.commit.publish({ phase: 'step ended', at, id, engine, step, durationMs: 1, command, error })
  }

  commitEnd(id: string, outcome: CommitOutcome = 'committed', error: ErrorFacts | null = null): void {
    const { engine, at } = this
    const engines = { [engine]: outcome === 'committed' ? 'committed' : 'rolled back' } as const
    channels.commit.publish({ phase: 'end', at, id, outcome, engines, durationMs: 1, error })
  }

  inDoubt(gid: string, reason = 'its coordinator is at work'): void {
    const { engine, at } = this
    const message = { engine, gid, transaction: '7e57', ageMs: 60_000, reason }
    channels.commit.publish({ phase: 'in doubt', at, ...message })
  }

  recovered(gid: string): void {
    const { engine, at } = this
    const message = { engine, gid, transaction: '7e57', ageMs: 61_000, outcome: 'committed' } as const
    channels.commit.publish({ phase: 'recovered', at, ...message })
  }

  /** One healthy request from beginning to end: twelve messages, unless `statements` is given. */
  wholeRequest(number: number, durationMs = 5, statements = 1): void {
    const [u, s, k, t] = [`u${number}`, `s${number}`, `k${number}`, `t${number}`]
    this.request(u)
    this.session(s, u)
    this.ask(k, u, s)
    this.acquire(k, 'c1')
    this.begin(t, 'c1', u)
    for (let index = 0; index < statements; index++) {
      this.statement(`q${number}.${index}`, 'c1', u)
      this.statementEnd(`q${number}.${index}`)
    }
    this.at += durationMs
    this.commit(t)
    this.release(k, 'c1')
    this.sessionEnd(s, u)
    this.requestEnd(u)
  }
}
