import { ServerResponse } from 'node:http'
import { copied, sizeOf } from './chunk.ts'
import { cut } from './cut.ts'
import { DrainListeners } from './drain-listeners.ts'
import { OWN_HEADER, type Gate, type HoldOptions, type OtherBody } from './gate.ts'
import { answerOf, HeldCalls, METHODS, OF_BODY, type Call, type Methods } from './held-calls.ts'
import { refuseWrongHead, refuseWrongPart } from './refusals.ts'
import { ResponseBefore } from './response-before.ts'
import { ResponseMask } from './response-mask.ts'
import { withoutHeader } from './write-head.ts'

/**
 * `untouched`: nothing was written. `holding`: all calls are held. `settling`: what is open is being ended, and calls
 * wait. `flowing`: the head was sent, and the end is held. `over`: calls go to Node. `dropped`: the response was taken
 * back, and later calls are ignored.
 */
type Phase = 'untouched' | 'holding' | 'settling' | 'flowing' | 'over' | 'dropped'

/**
 * Holds back a response until what is open is ended. Nothing reaches the client, nor any middleware mounted before, so
 * all of it can still be taken back. To its writer it looks as if it were sent: `headersSent`, `writableEnded`, errors
 * of a second answer, callbacks. Where nothing is open, each call goes through in the tick in which it is made.
 */
export class HeldResponse {
  readonly #response: ServerResponse
  readonly #gate: Gate
  readonly #options: HoldOptions
  readonly #before: ResponseBefore
  readonly #mask: ResponseMask
  readonly #drains: DrainListeners
  readonly #inner: Methods
  #phase: Phase = 'untouched'
  readonly #calls = new HeldCalls()
  #heldBytes = 0
  /** How much is still to come of a body of known length, in bytes. */
  #left = Number.POSITIVE_INFINITY
  #settling: Promise<void> | undefined
  #owesDrain = false
  /** Whether the head had been sent when the transaction began to end. */
  #isFlowing = false

  constructor(response: ServerResponse, gate: Gate, options: HoldOptions) {
    this.#response = response
    this.#gate = gate
    this.#options = options
    this.#before = new ResponseBefore(response)
    this.#mask = new ResponseMask(response)
    const methods = response as unknown as Methods
    const { writeHead, flushHeaders, write, end } = methods
    this.#inner = { writeHead, flushHeaders, write, end }
    for (const method of METHODS) methods[method] = (...args) => this.#call({ method, args })
    this.#drains = new DrainListeners(response)
  }

  /** Takes back what is held, so that another answer can be given. False if the head has been sent. */
  drop(error: unknown): boolean {
    this.#mask.off()
    this.#calls.drop(error)
    // Once a body has begun, its further parts go straight to Node.
    this.#phase = this.#response.headersSent ? 'over' : 'dropped'
    if (this.#phase === 'over') return false
    this.#before.restore()
    return true
  }

  /** Whether it can be taken back: nothing of it has been sent. */
  get isHeld(): boolean {
    return this.#phase === 'holding' || (this.#phase === 'settling' && !this.#isFlowing)
  }

  /** Resolves when the transaction has ended; undefined before that begins. Never rejects. */
  get settled(): Promise<void> | undefined {
    return this.#settling
  }

  // ------------------------------------------------------------------------------------------- calls

  #call(call: Call): unknown {
    switch (this.#phase) {
      case 'untouched':
      case 'holding':
        return this.#hold(call)
      case 'settling':
        return this.#wait(call)
      case 'flowing':
        return this.#flow(call)
      case 'over':
        return this.#pass(call)
      case 'dropped':
        return answerOf(call, this.#response, true)
      default:
        return this.#phase satisfies never
    }
  }

  #hold(call: Call): unknown {
    const { method, args } = call
    // Node sends nothing for it either, and a later call may follow the start of a transaction.
    if (method === 'writeHead') return this.#holdHead(call)
    if (!this.#gate.isDue) {
      this.#release()
      return this.#flow(call)
    }
    refuseWrongPart(this.#response, call)
    this.#begin()
    if (method === 'end') return this.#end(call)
    this.#calls.keep(method === 'write' ? copied(call) : call)
    if (method === 'write') this.#heldBytes += sizeOf(args)
    const isFull = method === 'flushHeaders' || this.#heldBytes > this.#options.holdBytes
    if (!isFull) return answerOf(call, this.#response, true)
    if (this.#options.streaming === 'commit last' || this.#gate.feedsBody) {
      const last = this.#release()
      return answerOf(call, this.#response, last !== false)
    }
    this.#owesDrain = method === 'write'
    this.#settle()
    return answerOf(call, this.#response, false)
  }

  #begin(): void {
    this.#phase = 'holding'
    this.#mask.head()
  }

  #end(call: Call): ServerResponse {
    this.#calls.keep(call)
    this.#mask.end()
    this.#settle()
    return this.#response
  }

  #holdHead(call: Call): ServerResponse {
    const response = this.#response
    const [status, message] = call.args
    // A second head: Node throws the error for it.
    if (this.#phase !== 'untouched')
      return ServerResponse.prototype.writeHead.apply(response, call.args as [number])
    refuseWrongHead(response, call.args)
    response.statusCode = Number(status)
    if (typeof message === 'string') response.statusMessage = message
    this.#calls.keep(call)
    this.#begin()
    return response
  }

  /** Holds a call while the transaction is being ended. For calls after the end, Node reports its own error later. */
  #wait(call: Call): unknown {
    const { method } = call
    if (method === 'writeHead') return this.#holdHead(call)
    const isLate = this.#response.writableEnded
    if (method === 'end' && !isLate) this.#mask.end()
    if (method === 'write' && !isLate) {
      refuseWrongPart(this.#response, call)
      this.#owesDrain = true
    }
    this.#calls.keep(method === 'write' && !isLate ? copied(call) : call)
    return answerOf(call, this.#response, false)
  }

  #flow(call: Call): unknown {
    const { method, args } = call
    if (method === 'end') {
      if (this.#gate.isDue) return this.#end(call)
      this.#finish()
      return this.#pass(call)
    }
    if (method !== 'write') return this.#pass(call)
    this.#left -= sizeOf(args)
    // With its last byte a body of known length is complete for the client, whatever happens to `end`.
    if (this.#left <= 0 && this.#gate.isDue) {
      this.#calls.keep(copied(call))
      return true
    }
    return this.#pass(call)
  }

  #pass({ method, args }: Call): unknown {
    return this.#inner[method].apply(this.#response, args)
  }

  // ----------------------------------------------------------------------------------- the transaction

  #settle(): void {
    this.#isFlowing = this.#phase === 'flowing'
    this.#phase = 'settling'
    const isEnded = this.#response.writableEnded
    const body = isEnded && !this.#isFlowing ? this.#calls.body : []
    const answer = { header: (name: string) => this.#header(name), isEnded, body }
    this.#settling = this.#gate
      .settle(answer)
      .then(other => this.#settled(other))
      .catch((error: unknown) => {
        if (!this.drop(error)) cut(this.#response)
        // Deferred, because an error thrown by an error handler is not a failure of ours.
        process.nextTick(() => this.#gate.failed(error))
      })
  }

  #settled(other: OtherBody | undefined): void {
    // Taken back meanwhile, and answered anew.
    if (this.#phase === 'dropped') return
    if (other) this.#replaceBody(other)
    if (this.#isFlowing) return this.#finish()
    // Sends what was written before settling began. If the writer was told to wait, it now gets `drain`.
    this.#release()
    if (this.#owesDrain && !this.#response.writableEnded) this.#drains.tell()
    this.#owesDrain = false
  }

  /** There is nothing left to wait for: what is still held goes to Node. */
  #finish(): void {
    this.#mask.off()
    this.#phase = 'over'
    for (const call of this.#calls.take()) this.#pass(call)
  }

  #replaceBody(other: OtherBody): void {
    const { body, status } = other
    this.#calls.replaceBody(other)
    this.#mask.off()
    for (const name of OF_BODY) this.#response.removeHeader(name)
    this.#before.restoreFields()
    this.#response.setHeader('content-length', body.length)
    if (status !== undefined) this.#response.statusCode = status
  }

  /** Sends what is held. Returns what the last `write` returned. */
  #release(): unknown {
    const length = Number(this.#header('content-length') ?? Number.NaN)
    const calls = this.#calls.take()
    this.#mask.off()
    if (this.#response.hasHeader(OWN_HEADER)) this.#response.removeHeader(OWN_HEADER)
    this.#phase = 'flowing'
    this.#drains.stop()
    if (!Number.isNaN(length)) this.#left = length
    let last: unknown
    for (const call of calls) {
      const { method, args } = call
      if (method === 'writeHead') this.#pass({ method, args: withoutHeader(args, OWN_HEADER) })
      else last = this.#call(call)
    }
    if (last === false) this.#owesDrain = false
    return last
  }

  #header(name: string): unknown {
    return this.#calls.header(name) ?? this.#response.getHeader(name)
  }
}
