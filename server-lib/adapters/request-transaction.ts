import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EndReason } from '../channels/words.ts'
import type { EnginesInside } from '../engine-set/engines-inside.ts'
import { EnginelightError } from '../channels/errors.ts'
import { settledWithin } from '../clock/deadline.ts'
import { hooksTooLate } from '../sessions/hooks.ts'
import type { ContainerCore } from '../containers/container.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { bodyText } from './body-text.ts'
import { failedAnswer, readAnswer, type Answer, type OtherBody } from './failed-answer.ts'
import { HeldResponse, OWN_HEADER, type Gate, type HeldAnswer } from './held/held-response.ts'
import { holdOptions, type TransactionOptions } from './transaction-options.ts'

/** How long a statement that nobody awaited may go on after the response was ended, before the request is rolled back. */
const AWAIT_MS = 1_000

/** Told of a commit that failed. Where it is answered already, in the words of its protocol, there is nothing to send. */
export type AnswerFailure = (error: unknown, isAnswered: boolean) => void

/** One set of engines whose work in this request is committed with it. */
interface Part {
  readonly inside: EnginesInside
  readonly veto: TransactionOptions['veto']
}

/** The transaction of a request: ended as its response is about to be sent, and by what the response is. */
export class RequestTransaction implements Gate {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #scope: RequestScope
  readonly #parts: Part[] = []
  readonly #held: HeldResponse
  readonly #answerFailure: AnswerFailure
  /** Nothing is committed any more: something has failed, and its answer is on its way. */
  #failed = false
  /** An error has reached the framework's error handlers: whatever they answer, the request has failed. */
  #isRefused = false
  /** COMMIT is on its way: what becomes of it is what is answered. */
  #isCommitting = false

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    scope: RequestScope,
    options: TransactionOptions,
    answerFailure: AnswerFailure,
  ) {
    this.#request = request
    this.#response = response
    this.#scope = scope
    this.#answerFailure = answerFailure
    this.#held = new HeldResponse(response, this, holdOptions(options))
  }

  /** Takes another set of engines in. A second mount of the same one changes nothing. */
  add(inside: EnginesInside, { veto }: TransactionOptions): void {
    if (this.#parts.some(part => part.inside.identity === inside.identity)) return
    this.#parts.push({ inside, veto })
  }

  get hasFailed(): boolean {
    return this.#failed
  }

  // ------------------------------------------------------------------------------- what the response asks

  get isDue(): boolean {
    return !this.#failed && this.#containers().some(one => one.isEnlisted || one.mayEnlist)
  }

  get feedsBody(): boolean {
    return this.#containers().some(({ isReading }) => isReading)
  }

  async settle(answer: HeldAnswer): Promise<OtherBody | undefined> {
    const containers = this.#containers()
    // A handler that throws in the tick in which it ends its answer has failed: Express cuts the connection two turns later.
    // Where it goes on there is no end yet, and what it sends next must wait for the commit.
    for (let turn = 0; turn < 2 && answer.isEnded; turn++) await nextTurn()
    // A builder that nobody awaited is not sent in the tick in which it is made.
    if (!containers.some(one => one.isEnlisted)) await nextTurn()
    if (this.#failed || !containers.some(one => one.isEnlisted)) return undefined
    for (const container of containers) await this.#awaitWork(container)
    const said = await this.#said(answer)
    const why = await this.#whyNot(containers, answer, said).catch(async (error: unknown) => {
      await this.#rollBack('handler failed')
      throw error
    })
    if (this.#failed) return undefined
    if (why) {
      const isUntrue = said?.hasFailed === true && said.tellsOfMore && (await haveChanged(containers))
      await this.#rollBack(why)
      const other = isUntrue ? said.undone() : undefined
      if (isUntrue && !other) throw this.#toldTooMuch()
      return other
    }
    this.#isCommitting = true
    try {
      // One after the other: two sets of engines have no common commit.
      for (const container of containers) await container.commit(null, { pauses: !answer.isEnded })
      this.#isCommitting = false
      return undefined
    } catch (error) {
      await this.#rollBack('failed elsewhere')
      const other = this.#scope.undone && said?.undone('The commit failed: nothing was done.')
      if (!other) throw error
      this.#failed = true
      this.#answerFailure(error, true)
      return { ...other, status: said?.failureStatus ?? this.#response.statusCode }
    }
  }

  failed(error: unknown): void {
    this.#failed = true
    // The client has left, which rolled everything back. Nobody is there to be answered.
    if (this.#response.closed && (error as EnginelightError | null)?.code === 'EL_ENDED') return
    this.#answerFailure(error, false)
  }

  // ------------------------------------------------------------------------------------ what it is told

  /**
   * An error handler has been reached: whatever it answers, nothing is committed. What the handler had answered before it
   * failed is taken back where nothing of it has been sent, so that the error handler's answer is the one.
   */
  refuse(error: unknown): void {
    this.#isRefused = true
    if (this.#failed || this.#isCommitting || !this.#held.isHeld) return
    this.#failed = true
    this.#held.drop(error)
    void this.#rollBack('handler failed')
  }

  /**
   * The handler has failed: rolls back, and takes back what is held of its response, so that it can be answered anew.
   * Where the response is on its way already it stays as it is; where a part of it is, the connection is cut.
   */
  async handlerFailed(error: unknown): Promise<void> {
    if (this.#failed || this.#response.writableEnded) return
    // A commit before the rest of a long body: what the handler fails for comes after it.
    await this.#held.settled
    if (this.#failed) return
    const isDue = this.isDue
    this.#failed = true
    const hasBegun = this.#response.headersSent
    if (isDue) await this.#rollBack('handler failed')
    if (!this.#held.drop(error) && hasBegun && (isDue || this.#held.settled)) this.#held.cut()
  }

  // -------------------------------------------------------------------------------------------- the end

  #containers(): ContainerCore[] {
    const cores: ContainerCore[] = []
    for (const { inside } of this.#parts) {
      const known = this.#scope.container(inside.identity) as { core?: ContainerCore } | undefined
      if (known?.core) cores.push(known.core)
    }
    return cores
  }

  /** Why the request is rolled back although nothing threw, or undefined where it is committed. */
  async #whyNot(
    containers: readonly ContainerCore[],
    { header }: HeldAnswer,
    said: Answer | undefined,
  ): Promise<EndReason | undefined> {
    if (this.#isRefused) return 'handler failed'
    // Its connection was cut, and `close` has not come yet: the client has no answer to rely on.
    if (this.#response.destroyed || this.#response.socket?.destroyed) return 'client aborted'
    if (containers.some(({ isDoomed }) => isDoomed)) return 'doomed'
    const asked = header(OWN_HEADER)
    if (asked !== undefined)
      return (asked as string | string[]).toString().trim().toLowerCase() === 'commit' ? undefined : 'vetoed'
    for (const { veto = isFailure } of this.#parts) {
      if (veto === isFailure && said?.hasFailed && !said.isOnly(this.#scope.undone ?? [])) return 'vetoed'
      if (veto !== false && (await this.#isVetoed(veto, containers))) return 'vetoed'
    }
    return undefined
  }

  /** A veto has as long as the hooks of the commit: no response hangs in it, and no connection is held by it. */
  async #isVetoed(
    veto: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>,
    containers: readonly ContainerCore[],
  ): Promise<boolean> {
    const asked = veto(this.#request, this.#response)
    if (typeof asked === 'boolean') return asked
    const timeoutMs = Math.min(...containers.map(container => container.hookTimeoutMs))
    if (await settledWithin(Promise.resolve(asked), timeoutMs)) return asked
    throw hooksTooLate(timeoutMs, 'the veto')
  }

  /** Work that nobody awaited belongs to the request, as long as it does not make the client wait for ever. */
  async #awaitWork(container: ContainerCore): Promise<void> {
    const busy = await container.whoIsBusy(AWAIT_MS)
    if (busy === undefined) return
    const { label, id } = this.#scope
    const error = new EnginelightError(
      'EL_ILLEGAL_MOVE',
      `The response of ${label} (${id}) was ended while engine "${busy}" was at work, and ${AWAIT_MS} ms later it still is: everything was rolled back. Await every statement, and read every stream to its end, before the response.`,
      { engine: busy, move: 'commit', waitedMs: AWAIT_MS },
    )
    // Ended and not only rolled back, since a rollback would wait for its turn as well.
    await Promise.all(this.#containers().map(one => one.end('aborted', error, 'handler failed')))
    throw error
  }

  /** What the answer says of itself, where that says more than its status. Units are told of in any case. */
  async #said({ header, body }: HeldAnswer): Promise<Answer | undefined> {
    const type = header('content-type')
    if (body.length === 0 || typeof type !== 'string') return undefined
    const text = await bodyText(body, header('content-encoding'))
    if (text === undefined) return undefined
    return (this.#scope.undone ? readAnswer : failedAnswer)(type, text)
  }

  /** An answer in parts tells of something that was done and of something that failed, and all of it was rolled back. */
  #toldTooMuch(): EnginelightError {
    const { label, id } = this.#scope
    return new EnginelightError(
      'EL_COMMIT_ROLLED_BACK',
      `Nothing was committed: a part of the answer of ${label} (${id}) says that something failed, and everything was rolled back. The answer was not sent.`,
    )
  }

  async #rollBack(why: EndReason): Promise<void> {
    for (const container of this.#containers()) {
      // What is left open is rolled back at the request's end: here nothing can go wrong that has to be told.
      if (!container.ended) await container.rollback(why).catch(() => {})
    }
  }
}

const nextTurn = () => new Promise(resolve => setImmediate(resolve))

/** Whether something was written that is going to be rolled back. */
async function haveChanged(containers: readonly ContainerCore[]): Promise<boolean> {
  for (const container of containers) if (await container.hasChanged()) return true
  return false
}

/** What is a failure unless the mount says otherwise. */
function isFailure(_request: IncomingMessage, { statusCode }: ServerResponse): boolean {
  return statusCode >= 400
}
