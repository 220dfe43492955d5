import type { DriverConnection } from '../postgres/driver.ts'
import type { Asker, Ledger } from './ledger.ts'
import type { Hold, PendingAcquire, Pool } from './pool.ts'
import type { CheckoutRecord } from './records.ts'
import { WatchedConnections } from './watched-connections.ts'

/** The parts of knex's pool (tarn) that we use. */
export interface TarnPool {
  readonly min: number
  readonly max: number
  acquire(): { promise: Promise<DriverConnection>; abort(): void }
  release(connection: DriverConnection): boolean
  numFree(): number
  on(event: string, listener: (...args: any[]) => void): void
  removeListener(event: string, listener: (...args: any[]) => void): void
  readonly used?: readonly { resource: DriverConnection }[]
  readonly free?: readonly { resource: DriverConnection }[]
}

/**
 * Knex's own pool, watched through its events. tarn calls `acquireRequest` synchronously in `acquire()`, so in
 * the context of the one who asks; `acquireSuccess` comes before anybody sees the connection.
 */
export class KnexPool implements Pool {
  readonly ledger: Ledger
  readonly min: number
  readonly max: number
  readonly #tarn: TarnPool
  readonly #connections: WatchedConnections
  readonly #listeners: [event: string, listener: (...args: any[]) => void][]
  readonly #destroyKnex: () => Promise<void>

  constructor(tarn: TarnPool, ledger: Ledger, destroyKnex: () => Promise<void>) {
    this.#tarn = tarn
    this.ledger = ledger
    this.min = tarn.min
    this.max = tarn.max
    this.#destroyKnex = destroyKnex
    const connections = new WatchedConnections(ledger)
    this.#connections = connections
    const asked = new Map<number, CheckoutRecord>()
    const take = (eventId: number) => {
      const checkout = asked.get(eventId)
      asked.delete(eventId)
      return checkout
    }
    this.#listeners = [
      ['acquireRequest', (eventId: number) => void asked.set(eventId, ledger.asked())],
      [
        'acquireSuccess',
        (eventId: number, driver: DriverConnection) => {
          connections.enter(driver)
          const checkout = take(eventId)
          if (checkout) ledger.acquired(checkout, driver)
        },
      ],
      [
        'acquireFail',
        (eventId: number, error: unknown) => {
          const checkout = take(eventId)
          if (checkout) ledger.failed(checkout, error)
        },
      ],
      ['release', (driver: DriverConnection) => ledger.released(driver)],
      ['createSuccess', (_eventId: number, driver: DriverConnection) => connections.enter(driver)],
      ['createFail', (_eventId: number, error: unknown) => ledger.connectFailed(error)],
      [
        'destroyRequest',
        (_eventId: number, driver: DriverConnection) => connections.gone(driver, 'closed by the pool'),
      ],
    ]
    for (const [event, listener] of this.#listeners) tarn.on(event, listener)
    for (const { resource } of tarn.free ?? []) connections.enter(resource)
    for (const { resource } of tarn.used ?? []) {
      connections.enter(resource)
      ledger.acquired(ledger.asked(TAKEN_BEFORE), resource)
    }
  }

  acquire(asker: Asker): PendingAcquire {
    const pending = this.ledger.askingFor(asker, () => this.#tarn.acquire())
    return { promise: pending.promise.then(driver => this.#hold(driver)), abort: () => pending.abort() }
  }

  #hold(driver: DriverConnection): Hold {
    return {
      driver,
      release: () => void this.#tarn.release(driver),
      discard: () => {
        // tarn cannot be told to drop what it gets back. A disposed connection fails its validation at the next
        // acquire, and until then nobody is given it; its socket and its backend go now.
        driver.__knex__disposed ??= 'discarded'
        // pg ends a busy connection by destroying its socket, so this ends the running statement as well.
        void Promise.resolve(driver.end()).catch(() => {})
        this.#tarn.release(driver)
        this.#connections.gone(driver, 'discarded')
      },
    }
  }

  idle(): number {
    return this.#tarn.numFree()
  }

  unwatch(): void {
    for (const [event, listener] of this.#listeners) this.#tarn.removeListener(event, listener)
    this.#connections.leaveAll()
  }

  destroy(): Promise<void> {
    return this.#destroyKnex()
  }
}

/** Stands for the line of a check-out that happened before we looked. */
export const TAKEN_BEFORE = { stack: '' }
