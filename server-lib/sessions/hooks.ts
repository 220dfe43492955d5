import { AsyncLocalStorage } from 'node:async_hooks'
import { settledWithin } from '../clock/deadline.ts'
import { describe } from '../channels/describe.ts'
import { EnginelightError, warn } from '../channels/errors.ts'
import { failureText } from '../channels/failure-text.ts'
import type { CommitReport } from '../channels/outcomes.ts'

export type BeforeCommit = () => unknown
export type AfterCommit = (report: CommitReport) => unknown
/** `report` when a commit was tried; `error` when an error caused the rollback. */
export type AfterRollback = (report: CommitReport | undefined, error: unknown) => unknown

export type HookKind = 'beforeCommit' | 'afterCommit' | 'afterRollback'

/** The time that all hooks of one commit or rollback have together. */
export interface HookTime {
  readonly timeoutMs: number
  /** The run that they belong to, whose time may be over earlier. */
  readonly limit?: HookLimit | undefined
}

export interface HookLimit {
  readonly reason: EnginelightError | undefined
  within<T>(work: () => Promise<T>): Promise<T>
}

/**
 * The hooks of one commit or rollback while they are called. Statements that they send after their time must not become
 * part of other work.
 */
interface Round {
  readonly of: Hooks
  readonly kind: HookKind
  isLate: boolean
  /** The round whose hook called this one's commit. */
  readonly around: Round | undefined
}

/** How long hooks that cannot change the outcome may take, when the time of their run is over already. */
const GRACE_MS = 1_000

const rounds = new AsyncLocalStorage<Round>()

/** The hooks around the next commit or rollback of a container, in the order they were added. Each is called once. */
export class Hooks {
  #beforeCommit: BeforeCommit[] = []
  #afterCommit: AfterCommit[] = []
  #afterRollback: AfterRollback[] = []
  /** Whether hooks were ever too late. While not, a statement does not pay for a look at its context. */
  #wereLate = false

  beforeCommit(hook: BeforeCommit): void {
    this.#beforeCommit.push(called('beforeCommit', hook))
  }

  afterCommit(hook: AfterCommit): void {
    this.#afterCommit.push(called('afterCommit', hook))
  }

  afterRollback(hook: AfterRollback): void {
    this.#afterRollback.push(called('afterRollback', hook))
  }

  /** Takes over the hooks of a savepoint that was kept, in their order. */
  adopt(inner: Hooks): void {
    this.#beforeCommit.push(...inner.#beforeCommit)
    this.#afterCommit.push(...inner.#afterCommit)
    this.#afterRollback.push(...inner.#afterRollback)
    inner.#forget()
  }

  /** Whether any hook waits for a commit or a rollback. */
  get any(): boolean {
    return this.#beforeCommit.length + this.#afterCommit.length + this.#afterRollback.length > 0
  }

  /**
   * Calls the hooks in order, including those added meanwhile. Rejects with the first error and calls no more:
   * EL_HOOK_TIMEOUT when their time is over, the run's own error when the run's time is.
   */
  async runBeforeCommit(time: () => HookTime): Promise<void> {
    if (this.#beforeCommit.length === 0) return
    const { timeoutMs, limit } = time()
    const round = this.#round('beforeCommit')
    const callAll = async () => {
      for (let hook = this.#beforeCommit.shift(); hook; hook = this.#beforeCommit.shift()) {
        await rounds.run(round, hook)
        if (round.isLate) return
      }
    }
    const inTime = () => settledWithin(callAll(), timeoutMs)
    try {
      if (await (limit ? limit.within(inTime) : inTime())) return
    } catch (error) {
      if (limit?.reason) this.#over(round)
      throw error
    }
    this.#over(round)
    throw hooksTooLate(timeoutMs)
  }

  /** Calls the afterCommit hooks. An error changes nothing about the commit, and is reported as a warning. Never rejects. */
  async committed(time: () => HookTime, report: CommitReport): Promise<void> {
    const hooks = this.#afterCommit
    this.#forget()
    await this.#callIsolated('afterCommit', hooks, time, hook => hook(report))
  }

  /** Calls the afterRollback hooks. Never rejects. */
  async rolledBack(time: () => HookTime, report?: CommitReport, error?: unknown): Promise<void> {
    const hooks = this.#afterRollback
    this.#forget()
    await this.#callIsolated('afterRollback', hooks, time, hook => hook(report, error))
  }

  /** Calls the afterRollback hooks of a savepoint that was undone, in the time of this container. Never rejects. */
  undone(inner: Hooks, time: () => HookTime, error?: unknown): Promise<void> {
    const hooks = inner.#afterRollback
    inner.#forget()
    return this.#callIsolated('afterRollback', hooks, time, hook => hook(undefined, error))
  }

  /** Why the calling code may not use the container: it comes from a hook whose time is over. Undefined otherwise. */
  refusal(): EnginelightError | undefined {
    if (!this.#wereLate) return undefined
    for (let round = rounds.getStore(); round; round = round.around) {
      if (round.of === this && round.isLate) return sentByLateHook(round.kind)
    }
    return undefined
  }

  #round(kind: HookKind): Round {
    return { of: this, kind, isLate: false, around: rounds.getStore() }
  }

  #over(round: Round): void {
    round.isLate = true
    this.#wereLate = true
  }

  /** Calls hooks one after the other while there is time. After that the rest are called all the same, but not awaited. */
  async #callIsolated<H>(
    kind: HookKind,
    hooks: readonly H[],
    time: () => HookTime,
    call: (hook: H) => unknown,
  ): Promise<void> {
    if (hooks.length === 0) return
    const { timeoutMs: most, limit } = time()
    const timeoutMs = limit?.reason ? Math.min(most, GRACE_MS) : most
    const round = this.#round(kind)
    const waiting = hooks.map(hook => () => rounds.run(round, () => isolated(kind, () => call(hook))))
    const callAll = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await next()
    }
    const inTime = () => settledWithin(callAll(), timeoutMs)
    // A run whose time is over cannot change the outcome any more.
    const wereInTime = await (limit && !limit.reason ? limit.within(inTime).catch(() => false) : inTime())
    if (wereInTime) return
    this.#over(round)
    const bound = limit?.reason ? 'the time that their run has' : `${timeoutMs} ms`
    warn(
      'EL_HOOK_FAILED',
      `The hooks of ${kind} took longer than ${bound}, which changes nothing of the outcome: they are not waited for any more.`,
    )
    for (const next of waiting.splice(0)) void next()
  }

  #forget(): void {
    this.#beforeCommit = []
    this.#afterCommit = []
    this.#afterRollback = []
  }
}

/** Checked when the hook is added: when it is called, the line that added it is unknown. */
function called<Hook>(kind: string, hook: Hook): Hook {
  if (typeof hook === 'function') return hook
  throw new EnginelightError('EL_CONFIG', `${kind}() takes a function, not ${describe(hook)}.`, {
    option: kind,
  })
}

async function isolated(kind: string, call: () => unknown): Promise<void> {
  try {
    await call()
  } catch (error) {
    warn(
      'EL_HOOK_FAILED',
      `A hook of ${kind} failed, which changes nothing of the outcome: ${failureText(error)}`,
    )
  }
}

/** The error of a commit whose hooks, or whose veto, did not answer in time. */
export function hooksTooLate(timeoutMs: number, which = 'the hooks of beforeCommit'): EnginelightError {
  return new EnginelightError(
    'EL_HOOK_TIMEOUT',
    `Nothing was committed: ${which} took longer than ${timeoutMs} ms, and everything was rolled back.`,
    { move: 'commit()', timeoutMs },
  )
}

/** The error for a late hook that uses its container, which belongs to other work by now. */
function sentByLateHook(kind: string): EnginelightError {
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `A hook of ${kind} whose time is over uses its container: what it does would become part of other work.`,
    { state: `after the time of ${kind}`, legalMoves: [] },
  )
}
