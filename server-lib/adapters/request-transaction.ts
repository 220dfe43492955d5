import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EndReason } from '../channels/words.ts'
import type { EnginesInside } from '../engine-set/engines-inside.ts'
import { EnginelightError } from '../channels/errors.ts'
import { settledWithin } from '../clock/deadline.ts'
import { hooksTooLate } from '../sessions/hooks.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { bodyText } from './body-text.ts'
import { failedAnswer, readAnswer, type Answer } from './failed-answer.ts'
import { cut } from './held/cut.ts'
import { OWN_HEADER, type Gate, type HeldAnswer, type OtherBody } from './held/gate.ts'
import { HeldResponse } from './held/held-response.ts'
import { RequestWork } from './request-work.ts'
import { holdOptions, type TransactionOptions } from './transaction-options.ts'
import { isFailure, verdictOf, type Facts } from './verdict.ts'

/**
 * Is told of a commit that failed. `isAnswered`: the failure was already sent in the request's protocol, so there is
 * nothing to send.
 */
export type AnswerFailure = (error: unknown, isAnswered: boolean) => void

type Veto = Exclude<TransactionOptions['veto'], undefined>

/** The transaction of a request. It ends when the response is about to be sent, and the response decides how. */
export class RequestTransaction implements Gate {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #scope: RequestScope
  readonly #work: RequestWork
  /** One for each engine set; undefined where the answer itself decides. */
  readonly #vetoes: (Veto | undefined)[] = []
  readonly #held: HeldResponse
  readonly #answerFailure: AnswerFailure
  /** Nothing is committed any more: something has failed, and its answer is on its way. */
  #failed = false
  /** An error has reached the framework's error handlers: the request has failed, whatever they answer. */
  #isRefused = false
  /** COMMIT is on its way, and its result decides the answer. */
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
    this.#work = new RequestWork(scope)
    this.#answerFailure = answerFailure
    this.#held = new HeldResponse(response, this, holdOptions(options))
  }

  /** Adds another engine set. A second mount of the same set changes nothing. */
  add(inside: EnginesInside, { veto }: TransactionOptions): void {
    if (this.#work.add(inside)) this.#vetoes.push(veto)
  }

  get hasFailed(): boolean {
    return this.#failed
  }

  // ------------------------------------------------------------------------------- what the response asks

  get isDue(): boolean {
    return !this.#failed && this.#work.isOpen
  }

  get feedsBody(): boolean {
    return this.#work.isReading
  }

  async settle(answer: HeldAnswer): Promise<OtherBody | undefined> {
    // A handler that throws in the tick in which it ends its answer has failed: Express cuts the connection two turns
    // later. Without an end the handler is still at work, and its next statement must wait for the commit.
    for (let turn = 0; turn < 2 && answer.isEnded; turn++) await nextTurn()
    const work = this.#work
    // A builder that is not awaited is not sent in the tick in which it is made.
    if (!work.isEnlisted) await nextTurn()
    if (this.#failed || !work.isEnlisted) return undefined
    await work.settled()
    const said = await this.#said(answer)
    const verdict = await this.#verdict(answer, said).catch(async (error: unknown) => {
      await work.rollBack('handler failed')
      throw error
    })
    if (this.#failed) return undefined
    return verdict === 'commit' ? this.#commit(answer, said) : this.#undo(verdict, said)
  }

  async #commit({ isEnded }: HeldAnswer, said: Answer | undefined): Promise<OtherBody | undefined> {
    this.#isCommitting = true
    try {
      await this.#work.commit(!isEnded)
      this.#isCommitting = false
      return undefined
    } catch (error) {
      await this.#work.rollBack('failed elsewhere')
      const other = this.#scope.undone && said?.undone('The commit failed: nothing was done.')
      if (!other) throw error
      this.#failed = true
      this.#answerFailure(error, true)
      return { ...other, status: said?.failureStatus ?? this.#response.statusCode }
    }
  }

  /** An answer that reports something as done must not be sent if that is rolled back. */
  async #undo(why: EndReason, said: Answer | undefined): Promise<OtherBody | undefined> {
    const isUntrue = said?.hasFailed === true && said.tellsOfMore && (await this.#work.hasChanged())
    await this.#work.rollBack(why)
    const other = isUntrue ? said.undone() : undefined
    if (isUntrue && !other) throw this.#toldTooMuch()
    return other
  }

  failed(error: unknown): void {
    this.#failed = true
    // The client has left, which rolled everything back: there is no one to answer.
    if (this.#response.closed && (error as EnginelightError | null)?.code === 'EL_ENDED') return
    this.#answerFailure(error, false)
  }

  // ------------------------------------------------------------------------------------ what it is told

  /**
   * An error handler has been reached: nothing is committed, whatever it answers. If nothing has been sent yet, the
   * handler's earlier answer is taken back, so that the error handler's answer replaces it.
   */
  refuse(error: unknown): void {
    this.#isRefused = true
    if (this.#failed || this.#isCommitting || !this.#held.isHeld) return
    this.#failed = true
    this.#held.drop(error)
    void this.#work.rollBack('handler failed')
  }

  /**
   * The handler has failed: rolls back, and takes back its held response so that it can be answered anew. A response
   * that has ended stays as it is; if a part has been sent, the connection is cut.
   */
  async handlerFailed(error: unknown): Promise<void> {
    if (this.#failed || this.#response.writableEnded) return
    // The commit before the rest of a long body may be under way: the handler failed after it.
    await this.#held.settled
    if (this.#failed) return
    const isDue = this.isDue
    this.#failed = true
    const hasBegun = this.#response.headersSent
    if (isDue) await this.#work.rollBack('handler failed')
    if (!this.#held.drop(error) && hasBegun && (isDue || this.#held.settled)) cut(this.#response)
  }

  // ---------------------------------------------------------------------------------------- the verdict

  async #verdict({ header }: HeldAnswer, said: Answer | undefined): Promise<EndReason> {
    const response = this.#response
    const facts: Facts = {
      isRefused: this.#isRefused,
      // `close` may not have been emitted yet.
      isCut: response.destroyed || response.socket?.destroyed === true,
      isDoomed: this.#work.isDoomed,
      asked: header(OWN_HEADER),
      status: response.statusCode,
      said,
      undone: this.#scope.undone ?? [],
    }
    const verdict = verdictOf(facts)
    if (verdict !== undefined) return verdict
    for (const veto of this.#vetoes)
      if (veto === undefined ? isFailure(facts) : veto && (await this.#isVetoed(veto))) return 'vetoed'
    return 'commit'
  }

  /** A veto has as long as the hooks of the commit, so that it cannot hold up a response or a connection. */
  async #isVetoed(veto: Exclude<Veto, false>): Promise<boolean> {
    const asked = veto(this.#request, this.#response)
    if (typeof asked === 'boolean') return asked
    const timeoutMs = this.#work.hookTimeoutMs
    if (await settledWithin(Promise.resolve(asked), timeoutMs)) return asked
    throw hooksTooLate(timeoutMs, 'the veto')
  }

  /** What the answer says about itself, where that goes beyond its status. Read in any case if a unit has run. */
  async #said({ header, body }: HeldAnswer): Promise<Answer | undefined> {
    const type = header('content-type')
    if (body.length === 0 || typeof type !== 'string') return undefined
    const text = await bodyText(body, header('content-encoding'))
    if (text === undefined) return undefined
    return (this.#scope.undone ? readAnswer : failedAnswer)(type, text)
  }

  /** An answer in parts reports both a success and a failure, and all of it was rolled back. */
  #toldTooMuch(): EnginelightError {
    const { label, id } = this.#scope
    return new EnginelightError(
      'EL_COMMIT_ROLLED_BACK',
      `Nothing was committed: a part of the answer of ${label} (${id}) says that something failed, and everything was rolled back. The answer was not sent.`,
    )
  }
}

const nextTurn = () => new Promise(resolve => setImmediate(resolve))
