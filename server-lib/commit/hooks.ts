import { describe } from '../engines/engine-config.ts'
import { EnginelightError, warn } from '../errors.ts'
import type { CommitReport } from './report.ts'

export type BeforeCommit = () => unknown
export type AfterCommit = (report: CommitReport) => unknown
/** `report` where a commit was tried, `error` where that is why. */
export type AfterRollback = (report: CommitReport | undefined, error: unknown) => unknown

/** What is to be done around the next commit or rollback of a container, in the order of asking. Each is called once. */
export class Hooks {
  #beforeCommit: BeforeCommit[] = []
  #afterCommit: AfterCommit[] = []
  #afterRollback: AfterRollback[] = []

  beforeCommit(hook: BeforeCommit): void {
    this.#beforeCommit.push(called('beforeCommit', hook))
  }

  afterCommit(hook: AfterCommit): void {
    this.#afterCommit.push(called('afterCommit', hook))
  }

  afterRollback(hook: AfterRollback): void {
    this.#afterRollback.push(called('afterRollback', hook))
  }

  /** Whether anybody waits for a commit or a rollback. */
  get any(): boolean {
    return this.#beforeCommit.length + this.#afterCommit.length + this.#afterRollback.length > 0
  }

  /** Those that are added meanwhile are called as well. Rejects with the first error, and the rest is not called. */
  async runBeforeCommit(): Promise<void> {
    for (let hook = this.#beforeCommit.shift(); hook; hook = this.#beforeCommit.shift()) await hook()
  }

  /** Everything is committed: an error changes nothing of that, and is told as a warning. Never rejects. */
  async committed(report: CommitReport): Promise<void> {
    const hooks = this.#afterCommit
    this.#forget()
    for (const hook of hooks) await isolated('afterCommit', () => hook(report))
  }

  /** Everything is rolled back. Never rejects. */
  async rolledBack(report?: CommitReport, error?: unknown): Promise<void> {
    const hooks = this.#afterRollback
    this.#forget()
    for (const hook of hooks) await isolated('afterRollback', () => hook(report, error))
  }

  #forget(): void {
    this.#beforeCommit = []
    this.#afterCommit = []
    this.#afterRollback = []
  }
}

/** Asked as the hook is added: as it is called, nobody would see where it came from. */
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
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    warn('EL_HOOK_FAILED', `A hook of ${kind} failed, which changes nothing of the outcome: ${reason}`)
  }
}
