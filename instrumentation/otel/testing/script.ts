import {
  channels,
  type CommitOutcome,
  type CommitParticipant,
  type EngineDescription,
  type ErrorFacts,
  type Site,
} from '../../../server-lib/channels/index.ts'
import type { CommitStep, EngineOutcome } from '../../../server-lib/channels/index.ts'

export const DESCRIPTION: EngineDescription = {
  engine: 'writer',
  pool: 'writer#1',
  isDefault: true,
  system: 'postgresql',
  mode: 'transaction',
  access: 'write',
  enlist: 'atomic',
  transactional: false,
  source: 'connection',
  owned: true,
  min: 0,
  max: 2,
  checkoutTimeoutMs: 1000,
  heldWarningMs: 30_000,
  idleInTransactionWarningMs: 10_000,
  transactions: 'told',
  serverAddress: 'db.example',
  serverPort: 5433,
  database: 'shop',
  application: 'shop',
  pid: 4711,
  thread: 0,
}

/** Publishes what an application's engines would publish, in the same order, one millisecond of its own clock apart. */
export class Script {
  /** Shared by scripts of one scenario. */
  readonly clock: { at: number }
  readonly engine: string
  readonly pool: string
  readonly where: { connection: string; slot: number; backendPid: number }

  constructor(engine = 'writer', connection = 'c1', clock = { at: performance.now() }) {
    this.clock = clock
    this.engine = engine
    this.where = { connection, slot: 0, backendPid: 815 }
    this.pool = `${engine}#1`
  }

  get now(): number {
    return (this.clock.at += 1)
  }

  declare(): void {
    const description = { ...DESCRIPTION, engine: this.engine, pool: this.pool }
    channels.engine.publish({ phase: 'declared', at: this.now, engine: this.engine, description })
  }

  request(id = 'u1', label = 'POST /orders'): void {
    const { now: at, engine } = this
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
    id = 'u1',
    outcome: 'finished' | 'aborted' | 'failed' = 'finished',
    unreleased: string[] = [],
  ): void {
    channels.request.publish({ phase: 'end', at: this.now, id, outcome, status: 200, unreleased })
  }

  session(id = 's1', request = 'u1'): void {
    channels.session.publish({
      phase: 'start',
      at: this.now,
      id,
      engine: this.engine,
      request,
      mode: 'transaction',
    })
  }

  sessionEnd(id = 's1', { request = 'u1', released = true, statements = 0 } = {}): void {
    channels.session.publish({
      phase: 'end',
      at: this.now,
      id,
      engine: this.engine,
      request,
      released,
      statements,
    })
  }

  checkout(
    id = 'k1',
    { request = 'u1', session = 's1' }: { request?: string | null; session?: string | null } = {},
  ): void {
    const site = { label: 'src/orders.ts:41', frames: ['placeOrder (src/orders.ts:41:19)'] }
    channels.checkout.publish({
      phase: 'start',
      at: this.now,
      id,
      engine: this.engine,
      pool: this.pool,
      request,
      session,
      site,
      isLineTaken: true,
    })
  }

  acquired(id = 'k1', waitMs = 0): void {
    const { now: at, engine, pool, where } = this
    channels.checkout.publish({ phase: 'acquired', at, id, engine, pool, waitMs, ...where })
  }

  checkoutFailed(error: ErrorFacts, id = 'k1', waitMs = 1000): void {
    const { now: at, engine, pool } = this
    channels.checkout.publish({
      phase: 'failed',
      at,
      id,
      engine,
      pool,
      waitMs,
      error,
      holders: [
        {
          engine,
          pool,
          slot: 0,
          connection: 'c1',
          backendPid: 815,
          checkout: 'k0',
          request: 'u0',
          requestLabel: 'GET /',
          session: 's0',
          heldMs: 2000,
          site: 'src/slow.ts:7',
          isLineTaken: true,
          state: 'idle in transaction',
          stateMs: 1999,
          keptFor: null,
        },
      ],
    })
  }

  released(id = 'k1', heldMs = 20): void {
    const { now: at, engine, pool } = this
    channels.checkout.publish({
      phase: 'released',
      at,
      id,
      engine,
      pool,
      connection: 'c1',
      heldMs,
      discarded: null,
      wasOverdue: false,
    })
  }

  statement(
    id: string,
    text: string,
    ids: {
      transaction?: string | null
      session?: string | null
      request?: string | null
      parameters?: number
      site?: Site | null
    } = {},
  ): void {
    const { transaction = null, session = 's1', request = 'u1', parameters = 0, site = null } = ids
    const { now: at, engine, pool, where } = this
    channels.statement.publish({
      phase: 'start',
      at,
      id,
      engine,
      pool,
      ...where,
      checkout: 'k1',
      session,
      request,
      transaction,
      text,
      parameters,
      kind: 'query',
      queuedMs: 0,
      site,
      valuesHash: null,
    })
  }

  answer(
    id: string,
    {
      error = null,
      rows = null,
      command = null,
      durationMs = 1,
    }: { error?: ErrorFacts | null; rows?: number | null; command?: string | null; durationMs?: number } = {},
  ): void {
    channels.statement.publish({
      phase: 'end',
      at: this.now,
      id,
      engine: this.engine,
      durationMs,
      rows,
      command,
      error,
    })
  }

  transaction(
    id = 't1',
    { session = 's1', request = 'u1' }: { session?: string | null; request?: string | null } = {},
  ): void {
    const { now: at, engine, pool } = this
    channels.transaction.publish({
      phase: 'start',
      at,
      id,
      engine,
      pool,
      connection: this.where.connection,
      backendPid: 815,
      checkout: 'k1',
      session,
      request,
      site: null,
    })
  }

  savepoint(name: string, action: 'set' | 'released' | 'rolled back', id = 't1'): void {
    channels.transaction.publish({ phase: 'savepoint', at: this.now, id, name, action })
  }

  transactionFailed(statement: string, error: ErrorFacts, id = 't1'): void {
    channels.transaction.publish({ phase: 'failed', at: this.now, id, statement, error })
  }

  transactionEnd(
    outcome: 'committed' | 'rolled back' | 'prepared' | 'lost' = 'committed',
    asked: 'commit' | 'rollback' | 'prepare' | null = 'commit',
    id = 't1',
  ): void {
    channels.transaction.publish({
      phase: 'end',
      at: this.now,
      id,
      durationMs: 1,
      outcome,
      asked,
      statements: 1,
    })
  }

  commit(
    mode: 'one-phase' | 'two-phase' | 'sequential',
    participants: readonly CommitParticipant[],
    { id = 'x1', request = 'u1', site = null }: { id?: string; request?: string; site?: Site | null } = {},
  ): void {
    const transaction = mode === 'two-phase' ? '7e57' : null
    const message = { id, request, mode, transaction, participants, site }
    channels.commit.publish({ phase: 'start', at: this.now, ...message })
  }

  step(engine: string, step: CommitStep, id = 'x1'): void {
    channels.commit.publish({ phase: 'step started', at: this.now, id, engine, step })
  }

  stepEnd(
    engine: string,
    step: CommitStep,
    { command = null, error = null }: { command?: string | null; error?: ErrorFacts | null } = {},
    id = 'x1',
  ): void {
    const message = { id, engine, step, durationMs: 1, command, error }
    channels.commit.publish({ phase: 'step ended', at: this.now, ...message })
  }

  commitEnd(
    outcome: CommitOutcome,
    engines: Record<string, EngineOutcome>,
    error: ErrorFacts | null = null,
    id = 'x1',
  ): void {
    channels.commit.publish({ phase: 'end', at: this.now, id, outcome, engines, durationMs: 20, error })
  }
}
