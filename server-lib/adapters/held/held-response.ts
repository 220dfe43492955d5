import { ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { copied, sizeOf } from './chunk.ts'
import { DrainListeners } from './drain-listeners.ts'
import type { OtherBody } from '../failed-answer.ts'
import { isHttp1, ResponseBefore } from './response-before.ts'
import { ResponseMask } from './response-mask.ts'
import { headerOf, withoutHeader } from './write-head.ts'

/** What a response has to wait for, as it sees it. */
export interface Gate {
  /** Whether something is open that has to be ended before the response may be. */
  readonly isDue: boolean
  /** Whether the body may come out of what is open: then that cannot be ended before the body flows. */
  readonly feedsBody: boolean
  /** Ends what is open. Resolves to another body where the response's own is not what is so; rejects when it must not be sent. */
  settle(answer: HeldAnswer): Promise<OtherBody | undefined>
  /** The response was not sent. It can be answered anew, unless `response.headersSent`: then its connection was cut. */
  failed(error: unknown): void
}

/** What is known of a response while it is held. */
export interface HeldAnswer {
  /** Reads the headers that it would have. */
  header(name: string): unknown
  /** Where it has not been ended the handler is still at work. */
  readonly isEnded: boolean
  /** The body in its parts, each with its encoding, while none of it has been sent and nothing is to come. */
  readonly body: readonly (readonly unknown[])[]
}

export interface HoldOptions {
  /** How many bytes of a body are held that is written in parts. */
  readonly holdBytes: number
  /** What happens when there are more, or the handler flushes the headers. */
  readonly streaming: 'commit first' | 'commit last'
}

/** What describes a body, and is wrong of another one. */
const OF_BODY = ['content-length', 'content-encoding', 'transfer-encoding', 'etag', 'trailer']

/** A header by which a handler speaks to us, and not to the client. */
export const OWN_HEADER = 'x-tm'

/**
 * `untouched`: nothing was written. `holding`: what was written is held. `settling`: what is open is being ended, and
 * whatever is called waits. `flowing`: the head has gone out, and the end is waited for. `over`: it is Node's alone.
 * `dropped`: what it was is not sent, and whoever still writes to it is not heard.
 */
type Phase = 'untouched' | 'holding' | 'settling' | 'flowing' | 'over' | 'dropped'

const METHODS = ['writeHead', 'flushHeaders', 'write', 'end'] as const
type Method = (typeof METHODS)[number]
type Call = { readonly method: Method; readonly args: unknown[] }
type Inner = Record<Method, (...args: unknown[]) => unknown>

/**
 * Holds back a response until what is open is ended: nothing reaches the client, nor any middleware mounted before, so that
 * all of it can still be taken back. To whoever writes it looks as if it went its way: `headersSent`, `writableEnded`,
 * errors of a second answer, callbacks. Where nothing is open each call goes through in the tick in which it is made.
 */
export class HeldResponse {
  readonly #response: ServerResponse
  readonly #gate: Gate
  readonly #options: HoldOptions
  readonly #before: ResponseBefore
  readonly #mask: ResponseMask
  readonly #drains: DrainListeners
  readonly #inner: Inner
  #phase: Phase = 'untouched'
  #calls: Call[] = []
  #heldBytes = 0
  /** How much of a body of known length is to come. */
  #left = Number.POSITIVE_INFINITY
  #settling: Promise<void> | undefined
  #owesDrain = false
  /** Whether its head had gone out when the transaction began to be ended. */
  #isFlowing = false

  constructor(response: ServerResponse, gate: Gate, options: HoldOptions) {
    this.#response = response
    this.#gate = gate
    this.#options = options
    this.#before = new ResponseBefore(response)
    this.#mask = new ResponseMask(response)
    const methods = response as unknown as Inner
    const { writeHead, flushHeaders, write, end } = methods
    this.#inner = { writeHead, flushHeaders, write, end }
    for (const method of METHODS) methods[method] = (...args) => this.#call({ method, args })
    this.#drains = new DrainListeners(response)
  }

  /** Takes back what is held, so that another answer can be given. False where the head has gone out. */
  drop(error: unknown): boolean {
    this.#mask.off()
    // Somebody waits for the end of what is not sent.
    for (const { args } of this.#calls) {
      const callback = args.at(-1)
      if (typeof callback === 'function') process.nextTick(callback, error)
    }
    this.#calls = []
    // Whoever goes on with what has begun has Node to himself.
    this.#phase = this.#response.headersSent ? 'over' : 'dropped'
    if (this.#phase === 'over') return false
    this.#before.restore()
    return true
  }

  /** Ends the connection, so that the client does not take for complete what it has got. */
  cut(): void {
    const response = this.#response
    if (!isHttp1(response)) return cutStream(response)
    const { socket } = response
    // Without chunks or a length a body ends where its connection does, and only a reset tells that it should not have.
    if (socket && !response.chunkedEncoding && !response.hasHeader('content-length')) {
      try {
        socket.resetAndDestroy()
      } catch {
        // TLS has no reset, and no need of it.
      }
    }
    response.destroy()
  }

  /** Whether there is something to be taken back: nothing of it has been sent. */
  get isHeld(): boolean {
    return this.#phase === 'holding' || (this.#phase === 'settling' && !this.#isFlowing)
  }

  /** Until the transaction has been ended, where that is under way. Never rejects. */
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
    // Node sends nothing for it either, and what comes next may open a transaction.
    if (method === 'writeHead') return this.#holdHead(args)
    if (!this.#gate.isDue) {
      this.#release()
      return this.#flow(call)
    }
    if (method === 'end') {
      if (typeof args[0] !== 'function' && args[0] != null) refuseWrong(this.#response, args)
      this.#begin()
      this.#calls.push(call)
      this.#mask.end()
      this.#settle()
      return this.#response
    }
    let isFull = method === 'flushHeaders'
    if (method === 'write') {
      refuseWrong(this.#response, args)
      this.#begin()
      this.#calls.push(copied(call))
      this.#heldBytes += sizeOf(args)
      isFull = this.#heldBytes > this.#options.holdBytes
    } else {
      this.#begin()
      this.#calls.push(call)
    }
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

  #holdHead(args: unknown[]): ServerResponse {
    const response = this.#response
    if (this.#phase === 'untouched') {
      if (args.length > 1 || !isStatus(args[0])) refuseWrongHead(response, args)
      const [status, message] = args
      response.statusCode = Number(status)
      if (typeof message === 'string') response.statusMessage = message
      this.#calls.push({ method: 'writeHead', args })
      this.#begin()
      return response
    }
    // A second one: Node has the error for it.
    return ServerResponse.prototype.writeHead.apply(response, args as [number])
  }

  /** Called while the transaction is being ended. After the end Node has something to say, which it says when it is over. */
  #wait(call: Call): unknown {
    const { method } = call
    if (method === 'writeHead') return this.#holdHead(call.args)
    const isLate = this.#response.writableEnded
    if (method === 'end' && !isLate) this.#mask.end()
    if (method === 'write' && !isLate) {
      refuseWrong(this.#response, call.args)
      this.#owesDrain = true
    }
    this.#calls.push(method === 'write' && !isLate ? copied(call) : call)
    return answerOf(call, this.#response, false)
  }

  #flow(call: Call): unknown {
    const { method, args } = call
    if (method === 'end') {
      if (!this.#gate.isDue) {
        this.#phase = 'over'
        for (const kept of this.#calls.splice(0)) this.#pass(kept)
        return this.#pass(call)
      }
      this.#calls.push(call)
      this.#mask.end()
      this.#settle()
      return this.#response
    }
    if (method !== 'write') return this.#pass(call)
    this.#left -= sizeOf(args)
    // With its last byte a body of known length is complete for the client, whatever becomes of the end.
    if (this.#left <= 0 && this.#gate.isDue) {
      this.#calls.push(copied(call))
      return true
    }
    return this.#pass(call)
  }

  #pass({ method, args }: Call): unknown {
    return this.#inner[method].apply(this.#response, args)
  }

  // ----------------------------------------------------------------------------------- the transaction

  #settle(): void {
    const isFlowing = this.#phase === 'flowing'
    this.#isFlowing = isFlowing
    this.#phase = 'settling'
    const isEnded = this.#response.writableEnded
    const answer = {
      header: (name: string) => this.#header(name),
      isEnded,
      body: isEnded && !isFlowing ? this.#calls.filter(hasBody).map(({ args }) => args) : [],
    }
    this.#settling = this.#gate
      .settle(answer)
      .then(other => this.#settled(isFlowing, other))
      .catch((error: unknown) => {
        if (!this.drop(error)) this.cut()
        // Not from here: what an error handler throws is no failure of ours.
        process.nextTick(() => this.#gate.failed(error))
      })
  }

  #settled(isFlowing: boolean, other: OtherBody | undefined): void {
    // Taken back meanwhile, and answered by another.
    if (this.#phase === 'dropped') return
    if (other) this.#replaceBody(other)
    const waiting = this.#calls
    if (isFlowing) {
      this.#mask.off()
      this.#phase = 'over'
      this.#calls = []
      for (const call of waiting) this.#pass(call)
      return
    }
    // What came until it was asked for the end, or for more than is held, is the response; what came then had to wait.
    this.#release()
    if (this.#owesDrain && !this.#response.writableEnded) this.#drains.tell()
    this.#owesDrain = false
  }

  #replaceBody({ body, status }: OtherBody): void {
    const calls = this.#calls
    const end = calls.findIndex(({ method }) => method === 'end')
    const callback = calls[end]?.args.filter(argument => typeof argument === 'function') ?? []
    // What came after the end is an error of the handler, which Node tells.
    this.#calls = [
      ...calls
        .filter(({ method }) => method === 'writeHead')
        .map(({ method, args }) => ({ method, args: OF_BODY.reduce(withoutHeader, args) }))
        .map(({ method, args }) => ({ method, args: [status ?? args[0], ...args.slice(1)] })),
      { method: 'end', args: [body, ...callback] },
      ...calls.slice(end + 1),
    ]
    this.#mask.off()
    for (const name of OF_BODY) this.#response.removeHeader(name)
    this.#before.restoreFields()
    this.#response.setHeader('content-length', body.length)
    if (status !== undefined) this.#response.statusCode = status
  }

  /** Lets go what is held. What the last write answered. */
  #release(): unknown {
    const calls = this.#calls
    this.#calls = []
    this.#mask.off()
    if (this.#response.hasHeader(OWN_HEADER)) this.#response.removeHeader(OWN_HEADER)
    this.#phase = 'flowing'
    this.#drains.stop()
    const length = Number(this.#header('content-length', calls) ?? Number.NaN)
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

  #header(name: string, calls = this.#calls): unknown {
    const head = calls.find(({ method }) => method === 'writeHead')
    return (head && headerOf(head.args, name)) ?? this.#response.getHeader(name)
  }
}

/** Only a stream that ends with an error tells the client of HTTP/2 that it is not complete. */
function cutStream(response: ServerResponse): void {
  const { stream } = response as unknown as { stream: ServerHttp2Stream }
  stream.close(constants.NGHTTP2_INTERNAL_ERROR)
}

const hasBody = ({ method }: Call) => method === 'write' || method === 'end'

function answerOf({ method }: Call, response: ServerResponse, hasRoom: boolean): unknown {
  if (method === 'write') return hasRoom
  return method === 'flushHeaders' ? undefined : response
}

function isStatus(status: unknown): boolean {
  return Number.isInteger(status) && (status as number) >= 100 && (status as number) <= 999
}

/** Has Node say what is wrong with a head, now and not when it is sent. */
function refuseWrongHead(response: ServerResponse, args: unknown[]): void {
  const trial = new ServerResponse(response.req)
  for (const name of response.getHeaderNames()) trial.setHeader(name, response.getHeader(name) as string)
  trial.writeHead(...(args as [number]))
}

/** The same for a part of the body. An encoding that there is not costs the connection in Node, and here it would after the commit. */
function refuseWrong(response: ServerResponse, args: unknown[]): void {
  const [chunk, encoding] = args
  if (typeof chunk === 'string') {
    if (typeof encoding === 'string' && !Buffer.isEncoding(encoding))
      Buffer.from(chunk, encoding as BufferEncoding)
  } else if (!(chunk instanceof Uint8Array)) {
    new ServerResponse(response.req).write(...(args as [string]))
  }
}
