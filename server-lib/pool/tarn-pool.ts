import type { Emitter } from '../watch/listener-contexts.ts'

/** The parts of knex's pool (tarn) that we use. */
export interface TarnPool {
  readonly min: number
  readonly max: number
  /** How long a request may wait, read at each `acquire()`. */
  acquireTimeoutMillis?: number | undefined
  acquire(): { promise: Promise<object>; abort(): void }
  release(connection: object): boolean
  on(event: string, listener: (...args: never[]) => void): void
  removeListener(event: string, listener: (...args: never[]) => void): void
  readonly used?: readonly { resource: object }[]
  readonly free?: readonly { resource: object }[]
  readonly pendingAcquires?: readonly { abort(): void }[]
  readonly pendingCreates?: readonly unknown[]
  destroy(): Promise<unknown>
  readonly emitter?: Emitter
  log?(text: string, level: string): void
}

/** Whether it is a pool of knex (tarn), or one that the application made for several knexes. */
export function isTarnPool(value: object): value is TarnPool {
  const pool = value as Record<string, unknown>
  return ['acquire', 'release', 'on', 'removeListener', 'destroy'].every(
    name => typeof pool[name] === 'function',
  )
}
