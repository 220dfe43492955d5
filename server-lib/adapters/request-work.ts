import type { EndReason } from '../channels/words.ts'
import { EnginelightError } from '../channels/errors.ts'
import type { ContainerCore } from '../containers/container.ts'
import type { EnginesInside } from '../engine-set/engines-inside.ts'
import type { RequestScope } from '../requests/request-scope.ts'

/** How long a statement that is not awaited may go on after the response ends, before the request is rolled back. */
const AWAIT_MS = 1_000

/** What a request has open on the engine sets that are committed with it. Knows nothing of HTTP. */
export class RequestWork {
  readonly #scope: RequestScope
  readonly #insides: EnginesInside[] = []

  constructor(scope: RequestScope) {
    this.#scope = scope
  }

  /** Adds an engine set. False if it was added before. */
  add(inside: EnginesInside): boolean {
    if (this.#insides.some(({ identity }) => identity === inside.identity)) return false
    this.#insides.push(inside)
    return true
  }

  get #containers(): ContainerCore[] {
    return this.#insides.flatMap(({ identity }) => {
      const known = this.#scope.container(identity) as { core?: ContainerCore } | undefined
      return known?.core ?? []
    })
  }

  get isEnlisted(): boolean {
    return this.#containers.some(one => one.isEnlisted)
  }

  /** Whether there is something to end, or the next statement may begin it. */
  get isOpen(): boolean {
    return this.#containers.some(one => one.isEnlisted || one.mayEnlist)
  }

  get isReading(): boolean {
    return this.#containers.some(one => one.sessions.areReading)
  }

  get isDoomed(): boolean {
    return this.#containers.some(one => one.isDoomed)
  }

  get hookTimeoutMs(): number {
    return Math.min(...this.#containers.map(one => one.sessions.hookTimeoutMs))
  }

  /**
   * Waits for statements that are not awaited: they belong to the request, but must not make the client wait for ever.
   */
  async settled(): Promise<void> {
    for (const container of this.#containers) {
      const busy = await container.sessions.whoIsBusy(AWAIT_MS)
      if (busy !== undefined) await this.#giveUp(busy)
    }
  }

  async #giveUp(busy: string): Promise<void> {
    const { label, id } = this.#scope
    const error = new EnginelightError(
      'EL_ILLEGAL_MOVE',
      `The response of ${label} (${id}) was ended while engine "${busy}" was at work, and ${AWAIT_MS} ms later it still is: everything was rolled back. Await every statement, and read every stream to its end, before the response.`,
      { engine: busy, move: 'commit', waitedMs: AWAIT_MS },
    )
    // Ended and not only rolled back, because a rollback would wait for its turn as well.
    await Promise.all(this.#containers.map(one => one.end('aborted', error, 'handler failed')))
    throw error
  }

  /** Whether something was written that a rollback would undo. */
  async hasChanged(): Promise<boolean> {
    for (const container of this.#containers) if (await container.sessions.haveChanged()) return true
    return false
  }

  /** One after the other: two engine sets have no common commit. */
  async commit(pauses: boolean): Promise<void> {
    for (const container of this.#containers) await container.commit(null, { pauses })
  }

  /** Never rejects: what is left open is rolled back at the request's end. */
  async rollBack(why: EndReason): Promise<void> {
    for (const container of this.#containers)
      if (!container.ended) await container.rollback(why).catch(() => {})
  }
}
