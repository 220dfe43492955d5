import { EnginelightError, warn } from '../channels/errors.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import type { SessionCore } from '../sessions/session.ts'
import type { SessionSeat } from '../sessions/transaction-turns.ts'
import { capabilityOf, knownCapability, type Capability } from './capability.ts'
import { commitFailed, partial, unavailable } from './commit-errors.ts'
import { saidOf, statementOf } from '../sessions/session-errors.ts'
import { Participant } from './participant.ts'
import { plan } from './plan.ts'
import type { CommitMode, EngineOutcome } from '../channels/words.ts'
import type { CommitReport } from '../channels/outcomes.ts'
import { sequential } from './sequential.ts'
import { Telling } from './telling.ts'
import { named, twoPhase } from './two-phase.ts'
import type { CommitOutcome } from '../channels/words.ts'

/** What all commits of one set of engines share. */
export interface CommitSetup {
  /** The application's name, as a gid can hold it. */
  readonly application: string
  /** Whether to refuse a commit over several engines that have written, where a two-phase commit is not possible. */
  readonly requireTwoPhase: boolean
  /** The engines that can take part, by name. */
  readonly engines: readonly string[]
}

/** One commit over the sessions of a container. Created for it, and used once. */
export class Commit {
  readonly #setup: CommitSetup
  readonly #capture: SiteCapture | null
  readonly #telling: Telling
  readonly #startedAt = performance.now()
  #mode: CommitMode = 'nothing'
  #participants: Participant[] = []
  /** The commits of participants that have only read. */
  #reading: Promise<unknown> | undefined

  constructor(setup: CommitSetup, scope: RequestScope, capture: SiteCapture | null) {
    this.#setup = setup
    this.#capture = capture
    this.#telling = new Telling(scope.id, capture)
  }

  /**
   * Commits the open transactions of these sessions, all or nothing, or one after the other where that is the only way.
   * On rejection everything that can be is rolled back; the error has the report.
   */
  async run(sessions: readonly SessionCore[]): Promise<CommitReport> {
    const seats = enterAll(sessions)
    const entered = seats instanceof Promise ? await seats : seats
    try {
      this.#participants = entered
        .filter(({ session }) => session.isInTransaction)
        .map(seat => new Participant(seat, this.#telling, this.#capture))
      await this.#commit()
      return this.#ended('committed')
    } catch (error) {
      await this.#reading
      // Even an error of our own must not leave anything open.
      await Promise.all(this.#participants.map(one => one.rollback()))
      const report = this.#ended(outcomeOf(error), error)
      throw error instanceof EnginelightError ? Object.assign(error, { report }) : error
    } finally {
      for (const seat of entered) seat.leave()
    }
  }

  #ended(outcome: CommitOutcome, failure?: unknown): CommitReport {
    const engines: Record<string, EngineOutcome> = {}
    for (const name of this.#setup.engines) engines[name] = 'untouched'
    for (const { name, outcome: of } of this.#participants) engines[name] = of
    const durationMs = performance.now() - this.#startedAt
    const report: CommitReport = { mode: this.#mode, engines, durationMs }
    this.#telling.ended(outcome, report, failure)
    return report
  }

  async #commit(): Promise<void> {
    const participants = this.#participants
    for (const one of participants) {
      if (one.engine.options.access === 'read') one.role = 'reads'
    }
    const writable = participants.filter(({ role }) => role !== 'reads')
    const broken = participants.find(({ life }) => life.state !== 'active')
    if (broken) return this.#refuseBroken(broken)
    const written = writable.length > 1 ? await this.#written(writable) : writable
    if (written.length > 1) await this.#commitMany(written)
    else await this.#commitOne(written, writable)
    const rest = writable.filter(one => !written.includes(one))
    await this.#commitRest(rest, written)
    await this.#reading
  }

  /** Rejects because a participant has failed or is lost: nothing can be committed any more. */
  async #refuseBroken(broken: Participant): Promise<never> {
    const { life } = broken
    this.#begin('nothing', null)
    const error = life.state === 'lost' ? life.lostError() : undefined
    const first = life.firstFailure
    await this.#reading
    await Promise.all(this.#participants.map(one => one.rollback()))
    const names = this.#participants.map(({ name }) => name)
    throw (
      error ??
      new EnginelightError(
        'EL_COMMIT_ROLLED_BACK',
        `Nothing was committed: a statement of engine "${broken.name}" had failed (${saidOf(first)}), and everything was rolled back on ${names.map(name => `"${name}"`).join(', ')}.`,
        {
          engine: broken.name,
          session: broken.session,
          failed: names,
          ...statementOf(first),
          cause: first.error,
        },
      )
    )
  }

  /** The participants that have changed something. A SELECT can have done so too, so those without a mark are asked. */
  async #written(writable: readonly Participant[]): Promise<readonly Participant[]> {
    if (writable.every(showsMark)) return writable
    const wrote = await Promise.allSettled(writable.map(one => hasWritten(one)))
    const failed = wrote.findIndex(({ status }) => status === 'rejected')
    if (failed !== -1) {
      const { reason } = wrote[failed] as PromiseRejectedResult
      const { engine } = writable[failed] as Participant
      this.#begin('nothing', null)
      throw commitFailed(
        engine,
        'The question whether it has written',
        reason,
        writable.map(one => one.name),
      )
    }
    return writable.filter((_, index) => (wrote[index] as PromiseFulfilledResult<boolean>).value)
  }

  async #commitOne(written: readonly Participant[], writable: readonly Participant[]): Promise<void> {
    this.#begin(writable.length > 0 ? 'one-phase' : 'nothing', null)
    await written[0]?.commit()
  }

  async #commitMany(written: readonly Participant[]): Promise<void> {
    const capabilities = await this.#capabilities(written)
    const how = plan(written, capabilities)
    switch (how.mode) {
      case 'two-phase': {
        const names = named(how, this.#setup.application, capabilities)
        this.#begin('two-phase', names.transaction)
        return twoPhase(how, names, this.#telling)
      }
      case 'sequential': {
        this.#begin('sequential', null)
        const engines = written.map(({ name }) => name)
        if (this.#setup.requireTwoPhase) throw unavailable(how.reasons, engines)
        tellSequential(engines, how.reasons)
        return sequential(how.order, this.#telling)
      }
      default:
        return how satisfies never
    }
  }

  async #capabilities(written: readonly Participant[]): Promise<Map<Participant, Capability>> {
    const capabilities = new Map<Participant, Capability>()
    for (const one of written) {
      const known = knownCapability(one.engine)
      if (known) capabilities.set(one, known)
    }
    if (capabilities.size === written.length) return capabilities
    const asked = await Promise.allSettled(
      written.map(async one => void capabilities.set(one, await capabilityOf(one))),
    )
    const failed = asked.findIndex(({ status }) => status === 'rejected')
    if (failed === -1) return capabilities
    const { reason } = asked[failed] as PromiseRejectedResult
    this.#begin('nothing', null)
    const names = written.map(({ name }) => name)
    const { engine } = written[failed] as Participant
    throw commitFailed(engine, 'The question what its server can do', reason, names)
  }

  /**
   * Commits the participants that may write but have no known durable change: a pg_notify(), which leaves no mark, is
   * only carried out by COMMIT. Comes after the decision, so that it cannot happen when everything else is rolled back.
   */
  async #commitRest(rest: readonly Participant[], written: readonly Participant[]): Promise<void> {
    const ended = await Promise.allSettled(rest.map(one => one.commit()))
    const failed = ended.findIndex(({ status }) => status === 'rejected')
    if (failed === -1) return
    const { reason } = ended[failed] as PromiseRejectedResult
    const [only] = rest
    if (written.length === 0 && rest.length === 1 && only) throw reason
    const named = (outcome: string) =>
      [...written, ...rest].filter(one => one.outcome === outcome).map(({ name }) => name)
    throw partial(
      (rest[failed] as Participant).name,
      { committed: named('committed'), failed: named('rolled back'), unknown: named('unknown') },
      reason,
    )
  }

  /** Publishes the chosen mode and starts the commits of participants that have only read: they need not wait. */
  #begin(mode: CommitMode, transaction: string | null): void {
    this.#mode = mode
    this.#telling.started(mode, transaction, () =>
      this.#participants.map(({ name, session, role, gid }) => ({ engine: name, session, role, gid })),
    )
    const reading = this.#participants.filter(({ role, life }) => role === 'reads' && life.state === 'active')
    if (reading.length > 0) this.#reading = Promise.allSettled(reading.map(one => one.commit()))
  }
}

/** A participant that cannot be prepared has done something that COMMIT must carry out. */
const showsMark = ({ life }: Participant) => life.wrote || life.unpreparable

async function hasWritten(one: Participant): Promise<boolean> {
  const { written } = one.engine.dialect.texts
  // Where the server cannot tell, it counts as written.
  if (showsMark(one) || written === undefined) return true
  const { result } = await one.send(written, one.engine.options.checkoutTimeoutMs)
  const [row] = (result.rows ?? []) as { written: boolean }[]
  return row?.written ?? true
}

/** Takes the queues of all sessions, each in its turn. If one of them has ended meanwhile, lets the others go. */
function enterAll(sessions: readonly SessionCore[]): SessionSeat[] | Promise<SessionSeat[]> {
  const entered: SessionSeat[] = []
  const waiting: (SessionSeat | Promise<SessionSeat>)[] = []
  for (const core of sessions) {
    if (!core.isInTransaction && !core.isBusy) continue
    const seat = core.enter()
    if (!(seat instanceof Promise)) entered.push(seat)
    waiting.push(seat)
  }
  return entered.length === waiting.length ? entered : allSeated(waiting)
}

async function allSeated(entering: readonly (SessionSeat | Promise<SessionSeat>)[]): Promise<SessionSeat[]> {
  const results = await Promise.allSettled(entering.map(seat => Promise.resolve(seat)))
  const seats = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  const refused = results.find(result => result.status === 'rejected')
  if (!refused) return seats
  for (const seat of seats) seat.leave()
  throw refused.reason
}

function outcomeOf(error: unknown): CommitOutcome {
  const { code } = error as { code?: string }
  if (code === 'EL_PARTIAL_COMMIT') return 'partial'
  return code === 'EL_COMMIT_UNKNOWN' ? 'unknown' : 'rolled back'
}

const told = new Set<string>()

/** Warns once for each reason: it is a matter of configuration, and every request would repeat it. */
function tellSequential(engines: readonly string[], reasons: readonly string[]): void {
  const sentence = `${engines.map(name => `"${name}"`).join(' and ')} are committed one after the other, since ${reasons.join('; ')}. A failure in between is EL_PARTIAL_COMMIT; requireTwoPhase refuses this.`
  if (told.has(sentence)) return
  told.add(sentence)
  warn('EL_SEQUENTIAL_COMMIT', sentence)
}
