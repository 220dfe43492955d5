import { settledWithin } from '../clock/deadline.ts'
import { EnginelightError } from '../channels/errors.ts'
import { captureSite } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import type { ContainerCore } from '../containers/container.ts'
import { RequestScope, runInRequest } from '../requests/request-scope.ts'
import type { TransactionKind } from '../sessions/transaction-kind.ts'
import { runJoined } from './joined.ts'
import { Limit } from './limit.ts'
import { placeOf } from './propagation.ts'
import { backoffMs, isWorthRetrying } from './retry.ts'
import { checkRun, type CheckedRunOptions, type RunOptions } from './run-options.ts'

/** What a run uses of a container. */
export interface RunDb<D> {
  savepoint<T>(fn: Work<D, T>): Promise<T>
}

/** What a run uses of its set of engines. */
export interface RunHost<D> {
  readonly names: readonly string[]
  /** The container that the calling code runs inside of, while that is open. */
  around(): { readonly core: ContainerCore; readonly db: D & RunDb<D> } | undefined
  openFor(
    scope: RequestScope,
    request: unknown,
    kind: TransactionKind,
  ): { readonly core: ContainerCore; readonly db: D }
}

/** How long to wait for an end when the run's time is over. */
const END_GRACE_MS = 1_000

type Work<D, T> = (db: D) => Promise<T> | T

/** Runs a function as one unit of work: in a container of its own, which it commits, or as part of the surrounding one. */
export async function run<D, T>(host: RunHost<D>, fn: Work<D, T>, given: RunOptions = {}): Promise<T> {
  const options = checkRun(fn, given)
  const capture = sitesAreWanted() ? captureSite() : null
  const around = host.around()
  const place = placeOf(options.propagation, around !== undefined)
  switch (place) {
    case 'refuse':
      throw refused(options, around?.core)
    case 'join':
    case 'savepoint': {
      const { core, db } = around as NonNullable<typeof around>
      const isSavepoint = place === 'savepoint'
      return runJoined(core, async () => (isSavepoint ? db.savepoint(fn) : fn(db)), isSavepoint, options)
    }
    case 'open':
      return new OwnRun(host, fn, options, capture).finished()
    default:
      return place satisfies never
  }
}

function refused({ propagation, label }: CheckedRunOptions, around: ContainerCore | undefined) {
  const where = around ? `inside of ${around.scope.label} (${around.scope.id})` : 'outside of any container'
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `The run "${label}" has propagation '${propagation}' and was called ${where}.`,
    { state: around ? 'inside of a container' : 'outside of any container', move: 'run()', legalMoves: [] },
  )
}

/** A run with containers of its own: one for each attempt. */
class OwnRun<D, T> {
  readonly #host: RunHost<D>
  readonly #fn: Work<D, T>
  readonly #options: CheckedRunOptions
  readonly #capture: ReturnType<typeof captureSite> | null
  readonly #limit: Limit

  constructor(
    host: RunHost<D>,
    fn: Work<D, T>,
    options: CheckedRunOptions,
    capture: ReturnType<typeof captureSite> | null,
  ) {
    this.#host = host
    this.#fn = fn
    this.#options = options
    this.#capture = capture
    this.#limit = new Limit(options)
  }

  async finished(): Promise<T> {
    const { retry } = this.#options
    try {
      for (let attempt = 1; ; attempt++) {
        const result = await this.#attempt(attempt)
        if (result.state === 'committed') return result.value
        if (result.state === 'failed') throw result.error
        await this.#limit.wait(backoffMs(attempt, retry))
      }
    } finally {
      this.#limit.stop()
    }
  }

  async #attempt(
    attempt: number,
  ): Promise<
    { state: 'committed'; value: T } | { state: 'failed'; error: unknown } | { state: 'worth another' }
  > {
    const { label, request, isolation, readOnly = false } = this.#options
    const limit = this.#limit
    const scope = new RequestScope(
      'scope',
      attempt === 1 ? label : `${label}, attempt ${attempt}`,
      null,
      this.#host.names,
    )
    const { core, db } = this.#host.openFor(scope, request, { isolation, readOnly })
    core.info.attempt = attempt
    core.runs++
    let decided = { isAnother: false } as { isAnother: boolean; error?: unknown }
    try {
      const value = await limit.within(() => runInRequest(scope, async () => this.#fn(db)))
      // The limit cuts hooks short but no commit: its outcome would be unknown.
      await core.commit(this.#capture, { limit })
      await this.#end(scope.endContainers('finished').then(() => scope.end('finished')))
      return { state: 'committed', value }
    } catch (error) {
      // Before anything is rolled back, so that the application's function can inspect the open transactions.
      decided = this.#decide(error, attempt, core)
      if (limit.reason) await scope.endContainers('aborted', limit.reason)
      else void core.end('finished', error, 'handler failed')
      const outcome = limit.reason ? 'aborted' : 'failed'
      await this.#end(scope.endContainers('finished').then(() => scope.end(outcome)))
    }
    return decided.isAnother ? { state: 'worth another' } : { state: 'failed', error: decided.error }
  }

  /** Waits for an end, whose hooks can take long: as long as the run may take, and at least a moment. */
  async #end(ended: Promise<void>): Promise<void> {
    await this.#limit.within(() => ended).catch(() => settledWithin(ended, END_GRACE_MS))
  }

  #decide(error: unknown, attempt: number, core: ContainerCore): { isAnother: boolean; error?: unknown } {
    const { retry } = this.#options
    if (retry.times > 1) withAttempts(error, attempt)
    // Part of it is committed: another attempt would repeat that part.
    const isLast = attempt >= retry.times || this.#limit.reason !== undefined || core.hasCommitted
    if (isLast) return { isAnother: false, error }
    try {
      return { isAnother: isWorthRetrying(error, retry), error }
    } catch (failure) {
      return { isAnother: false, error: failure }
    }
  }
}

/** Adds the number of attempts to an error, which may be frozen. */
function withAttempts(error: unknown, attempts: number): void {
  if (error instanceof Error && Object.isExtensible(error)) Object.assign(error, { attempts })
}
