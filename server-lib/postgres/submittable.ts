import type { Cursor, Submittable } from './driver.ts'

/** How a submittable statement ended. */
export interface SubmittableEnd {
  error: Error | null
  rows: number
  command: string | null
}

const HOOKED = ['handleReadyForQuery', 'handleError', 'handleCommandComplete', 'handleDataRow'] as const

/** Who waits for the end of a statement that is hooked already: a session and the watching of its connection both do. */
const waiting = new WeakMap<Submittable, ((end: SubmittableEnd) => void)[]>()

/**
 * Calls `ended` once when a cursor, stream or pg Query that drives the protocol itself is over. Its own
 * handlers are shadowed on the instance for that long and put back; what they do stays as it was.
 */
export function onSubmittableEnd(submittable: Submittable, ended: (end: SubmittableEnd) => void): void {
  const others = waiting.get(submittable)
  if (others) return void others.push(ended)
  const listeners = [ended]
  waiting.set(submittable, listeners)
  const target = submittable as unknown as Record<string, unknown>
  const own = new Map<string, PropertyDescriptor | undefined>()
  let rows = 0
  let command: string | null = null
  let over = false

  const finish = (error: Error | null) => {
    if (over) return
    over = true
    for (const [name, descriptor] of own) {
      if (descriptor) Object.defineProperty(target, name, descriptor)
      else delete target[name]
    }
    waiting.delete(submittable)
    for (const listener of listeners) listener({ error, rows, command })
  }
  const notice = {
    handleReadyForQuery: () => finish(null),
    handleError: (error: unknown) => finish(error instanceof Error ? error : new Error(String(error))),
    handleCommandComplete: (message: unknown) => {
      const text = (message as { text?: string } | undefined)?.text
      command = text?.split(' ', 1)[0] ?? command
    },
    handleDataRow: () => void rows++,
  }
  for (const name of HOOKED) {
    const original = target[name]
    if (typeof original !== 'function') continue
    own.set(name, Object.getOwnPropertyDescriptor(target, name))
    Object.defineProperty(target, name, {
      configurable: true,
      writable: true,
      value(this: unknown, ...args: unknown[]) {
        // The statement's own handler first: when we tell of the end, its consumer has been served.
        try {
          return original.apply(this, args)
        } finally {
          notice[name](args[0])
        }
      },
    })
  }
}

/**
 * Lets a cursor's `close` call back as soon as its statement is over. pg-cursor's own waits for the next ReadyForQuery
 * on the connection: where that has come already, or the connection is gone, whoever reads the stream waits for ever.
 */
export function closeWhenOver(submittable: Submittable): void {
  const cursor = (submittable.cursor ?? submittable) as Cursor
  const close = cursor.close
  if (typeof close !== 'function') return
  let over = false
  const closing: ((error?: Error) => void)[] = []
  onSubmittableEnd(submittable, () => {
    over = true
    for (const done of closing.splice(0)) done()
  })
  cursor.close = function (done?: (error?: Error) => void): unknown {
    if (!done) {
      return new Promise<void>((resolve, reject) => {
        cursor.close?.(error => (error ? reject(error) : resolve()))
      })
    }
    // Nothing more is sent: the connection may be somebody else's by now.
    if (over) return void setImmediate(done)
    let told = false
    const once = (error?: Error) => {
      if (told) return
      told = true
      done(error)
    }
    closing.push(once)
    return close.call(cursor, once)
  }
}
