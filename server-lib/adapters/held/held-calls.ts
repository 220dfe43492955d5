import type { ServerResponse } from 'node:http'
import type { OtherBody } from './gate.ts'
import { headerOf, withoutHeader } from './write-head.ts'

/** The methods of a response that send something. */
export const METHODS = ['writeHead', 'flushHeaders', 'write', 'end'] as const
type Method = (typeof METHODS)[number]
export type Methods = Record<Method, (...args: unknown[]) => unknown>
export type Call = { readonly method: Method; readonly args: unknown[] }

/** Headers that describe a body, and would be wrong for another one. */
export const OF_BODY = ['content-length', 'content-encoding', 'transfer-encoding', 'etag', 'trailer']

/** The calls on a response that Node has not seen yet, in order. */
export class HeldCalls {
  #calls: Call[] = []

  keep(call: Call): void {
    this.#calls.push(call)
  }

  /** Takes all calls: none is held any more. */
  take(): Call[] {
    return this.#calls.splice(0)
  }

  /** Drops all calls. Callbacks that wait for the end get the reason. */
  drop(error: unknown): void {
    for (const { args } of this.take()) {
      const callback = args.at(-1)
      if (typeof callback === 'function') process.nextTick(callback, error)
    }
  }

  /** A header of the held `writeHead`. */
  header(name: string): unknown {
    const head = this.#calls.find(({ method }) => method === 'writeHead')
    return head && headerOf(head.args, name)
  }

  /** The parts of the body, each with its encoding. */
  get body(): readonly (readonly unknown[])[] {
    return this.#calls.filter(({ method }) => method === 'write' || method === 'end').map(({ args }) => args)
  }

  /**
   * Keeps the head and replaces the body. A call after the end is the handler's mistake: it stays, and Node reports it.
   */
  replaceBody({ body, status }: OtherBody): void {
    const calls = this.#calls
    const end = calls.findIndex(({ method }) => method === 'end')
    const callback = calls[end]?.args.filter(argument => typeof argument === 'function') ?? []
    this.#calls = [
      ...calls
        .filter(({ method }) => method === 'writeHead')
        .map(({ method, args }) => ({ method, args: OF_BODY.reduce(withoutHeader, args) }))
        .map(({ method, args }) => ({ method, args: [status ?? args[0], ...args.slice(1)] })),
      { method: 'end', args: [body, ...callback] },
      ...calls.slice(end + 1),
    ]
  }
}

/** What a call returns while it is held. */
export function answerOf({ method }: Call, response: ServerResponse, hasRoom: boolean): unknown {
  if (method === 'write') return hasRoom
  return method === 'flushHeaders' ? undefined : response
}
