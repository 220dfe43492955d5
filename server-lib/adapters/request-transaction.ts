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

/** Told of a commit that failed. Where it is answered already, in the words of its protocol, there is nothing to send. */
export type AnswerFailure = (error: unknown, isAnswered: boolean) => void

type Veto = Exclude<TransactionOptions['veto'], undefined>

/** The transaction of a request: ended as its response is about to be sent, and by what the response is. */
export class RequestTransaction implements Gate {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #scope: RequestScope
  readonly #work: RequestWork
  /** One for each set of engines; undefined: the answer's own word. */
  readonly #vetoes: (Veto | undefined)[] = []
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
    this.#work = new RequestWork(scope)
    this.#answerFailure = answerFailure
    this.#held = new HeldResponse(response, this, holdOptions(options))
  }

  /** Takes another set of engines in. A second mount of the same one changes nothing. */
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
    // A handler that throws in the tick in which it ends its answer has failed: Express cuts the connection two turns later.
    // Where it goes on there is no end yet, and what it sends next must wait for the commit.
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

  /** An answer that tells of something that was done must not be sent where that is rolled back. */
  async #undo(why: EndReason, said: Answer | undefined): Promise<OtherBody | undefined> {
    const isUntrue = said?.hasFailed === true && said.tellsOfMore && (await this.#work.hasChanged())
    await this.#work.rollBack(why)
    const other = isUntrue ? said.undone() : undefined
    if (isUntrue && !other) throw this.#toldTooMuch()
    return other
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
    void this.#work.rollBack('handler failed')
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
    if (isDue) await this.#work.rollBack('handler failed')
    if (!this.#held.drop(error) && hasBegun && (isDue || this.#held.settled)) cut(this.#response)
  }

  // ---------------------------------------------------------------------------------------- the verdict

  async #verdict({ header }: HeldAnswer, said: Answer | undefined): Promise<EndReason> {
    const response = this.#response
    const facts: Facts = {
      isRefused: this.#isRefused,
      // `close` may not have come yet.
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

  /** A veto has as long as the hooks of the commit: no response hangs in it, and no connection is held by it. */
  async #isVetoed(veto: Exclude<Veto, false>): Promise<boolean> {
    const asked = veto(this.#request, this.#response)
    if (typeof asked === 'boolean') return asked
    const timeoutMs = this.#work.hookTimeoutMs
    if (await settledWithin(Promise.resolve(asked), timeoutMs)) return asked
    throw hooksTooLate(timeoutMs, 'the veto')
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
}

const nextTurn = () => new Promise(resolve => setImmediate(resolve))
