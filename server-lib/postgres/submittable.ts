import type { StreamEnd, Tell } from '../dialect/stream.ts'
import type { Cursor, Submittable } from './driver.ts'

const HOOKED = ['handleReadyForQuery', 'handleError', 'handleCommandComplete', 'handleDataRow'] as const

/** Who waits for the end of a statement that is hooked already: a session and the watching of its connection both do. */
const waiting = new WeakMap<Submittable, ((end: StreamEnd) => void)[]>()

/**
 * Calls `ended` once when a cursor, stream or pg Query that drives the protocol itself is over. Its own
 * handlers are shadowed on the instance for that long and put back; what they do stays as it was.
 */
export function onSubmittableEnd(submittable: Submittable, ended: (end: StreamEnd) => void): void {
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
    for (const listener of listeners) listener({ error, rows: submittable.rowsTaken ?? rows, command })
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

/** Lets a cursor, stream or pg Query hand on each error as `tell` has it. Who hooked it later still gets the driver's. */
export function tellErrors(submittable: Submittable, tell: Tell): void {
  const { handleError } = submittable
  if (!handleError) return
  submittable.handleError = (error, connection) => handleError.call(submittable, tell(error), connection)
}

/**
 * Lets a cursor's `close` call back as soon as its statement is over. pg-cursor's own waits for the next ReadyForQuery
 * on the connection: where that has come already, or the connection is gone, whoever reads the stream waits for ever. So
 * does the last read of all, whose rows pg-cursor keeps until then.
 */
export function closeWhenOver(submittable: Submittable, tell: Tell): void {
  const cursor = (submittable.cursor ?? submittable) as Cursor
  const close = cursor.close
  if (typeof close !== 'function') return
  let over = false
  const closing: ((error?: Error) => void)[] = []
  onSubmittableEnd(submittable, ({ error }) => {
    over = true
    for (const done of closing.splice(0)) done()
    if (!error || cursor.state !== 'done') return
    const { _cb: reading } = cursor
    cursor._cb = null
    reading?.(tell(error))
  })
  cursor.close = function (done?: (error?: Error) => void): unknown {
    if (!done) {
      return new Promise<void>((resolve, reject) => {
        cursor.close?.(error => (error ? reject(error) : resolve()))
      })
    }
    // Nothing more is sent: the connection may be somebody else's by now.
    if (over) return void setImmediate(done)
    // After an error the cursor tells them itself.
    const unread = cursor.state === 'error' ? [] : (cursor._queue?.splice(0) ?? [])
    let told = false
    const once = (error?: Error) => {
      if (told) return
      told = true
      done(error)
    }
    closing.push(once)
    const answer: unknown = close.call(cursor, once)
    if (cursor.state === 'done') stayDone(cursor)
    for (const [, read] of unread) setImmediate(read, null, [])
    return answer
  }
}

/** Whether the server has yet to answer what was sent. Between two batches of a cursor it waits for the reader. */
export function isOwedAnAnswer(submittable: Submittable): boolean {
  const { state } = (submittable.cursor ?? submittable) as Cursor
  return state !== 'idle'
}

/**
 * Keeps a cursor closed while the answers to what it has sent before still come in. pg-cursor would go back to `idle`
 * at the first of them: it then asks a closed portal for the rows of a read that waited, or ends the exchange a second
 * time, and what the server says to that falls to the next statement on the connection, whoever's it is.
 */
function stayDone(cursor: Cursor): void {
  Object.defineProperty(cursor, 'state', { get: () => 'done', set: () => {}, configurable: true })
}
