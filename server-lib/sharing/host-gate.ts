import { AsyncLocalStorage } from 'node:async_hooks'
import { startDeadline } from '../clock/deadline.ts'
import { borrowerSends } from '../watch/whispers.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import { refuseStream } from '../dialect/stream.ts'
import { hostDatabase } from '../engines/database.ts'
import { hostWaited } from './sharing-errors.ts'
import type { HostConnection } from './host-connection.ts'

/** One borrower's turn on the connection, from the request until it leaves. */
export interface GateTurn {
  /** How long a statement of the host waits for this turn, in milliseconds. */
  readonly hostWaitMs: number
  /** The turn begins: nothing runs on the connection, and no other borrower has it. */
  come(): void
  /** The connection was closed while the turn was waiting. */
  lost(): void
  /** Whether the running code is inside the borrower's savepoint, where the host's statements belong as well. */
  isInside(): boolean
  /** The host sends this from inside the borrower's savepoint. */
  hostSends(config: unknown): void
}

/** A statement of the host that waits until the borrower's savepoint is over. */
interface HostStatement {
  send(): void
}

type Query = (...args: unknown[]) => unknown

/**
 * One gate for each connection of a host, for all borrowers in every way. Another copy of this package treats us as the
 * host.
 */
const gates = new WeakMap<object, HostGate>()

/**
 * The gate of one connection of a host. Borrowers go through one at a time. While a borrower has a savepoint open, the
 * host's own statements wait, because what they wrote would be undone with that savepoint. `query` is shadowed for just
 * that long, on the instance, and nothing else is touched.
 */
export class HostGate {
  readonly client: HostConnection
  /** The same as we speak to it. */
  readonly driver: DriverConnection
  #holder: GateTurn | undefined
  /** Our shadow of `query`, while it is in place. */
  #guard: Query | undefined
  #beneath: Query | undefined
  /** Whether the host's `query` was the connection's own property. */
  #wasOwn = false
  #waiting: (GateTurn | HostStatement)[] = []
  #stopWaitingForReady: (() => void) | undefined

  constructor(client: HostConnection) {
    this.client = client
    this.driver = hostDatabase().dialect.connectionOf(client)
  }

  static of(client: HostConnection): HostGate {
    let gate = gates.get(client)
    if (!gate) gates.set(client, (gate = new HostGate(client)))
    return gate
  }

  /** Queues a turn. `come` is called when it begins, at once if the connection is free. */
  enter(turn: GateTurn): void {
    if (this.#holder || this.#waiting.length > 0) this.#waiting.push(turn)
    else this.#begin(turn)
  }

  /** Ends the turn, or gives up waiting for it. */
  leave(turn: GateTurn): void {
    if (this.#holder !== turn) {
      this.#waiting = this.#waiting.filter(one => one !== turn)
      return
    }
    this.#stopWaitingForReady?.()
    this.#stopWaitingForReady = undefined
    this.open()
    this.#holder = undefined
    this.#next()
  }

  #next(): void {
    while (!this.#holder) {
      const first = this.#waiting.shift()
      if (!first) return
      if ('send' in first) first.send()
      else this.#begin(first)
    }
  }

  #begin(turn: GateTurn): void {
    this.#holder = turn
    const { driver } = this
    if (driver.isClosed) return turn.lost()
    // The driver may have a queue of its own, which must drain first.
    if (driver.isReady) return turn.come()
    this.#stopWaitingForReady = driver.onReady(isOpen => {
      this.#stopWaitingForReady = undefined
      if (isOpen) turn.come()
      else turn.lost()
    })
  }

  /** From now on the host's own statements wait. */
  shut(): void {
    if (this.#guard) return
    const { client } = this
    const beneath = client.query as Query
    // A new function each time: another shadow may have been put over our previous one, which would then be its own
    // original.
    const guard: Query = (...args) => {
      const holder = this.#guard === guard ? this.#holder : undefined
      if (holder && !holder.isInside()) return this.#hold(args, holder.hostWaitMs)
      holder?.hostSends(args[0])
      return Reflect.apply(beneath, client, args)
    }
    this.#wasOwn = Object.hasOwn(client, 'query')
    this.#beneath = beneath
    this.#guard = guard
    client.query = guard
  }

  /** Lets the host's statements through again. Those already waiting are sent when the turn ends. */
  open(): void {
    const { client } = this
    const guard = this.#guard
    if (!guard) return
    this.#guard = undefined
    // Another shadow has been put over ours since: ours stays, and only passes on.
    if (client.query !== guard) return
    if (this.#wasOwn) client.query = this.#beneath as Query
    else delete (client as { query?: unknown }).query
  }

  /** Sends a statement of the turn's borrower. */
  send(args: unknown[]): unknown {
    const query = this.#guard ? (this.#beneath as Query) : (this.client.query as Query)
    return borrowerSends.during(true, () => Reflect.apply(query, this.client, args))
  }

  #hold(args: unknown[], waitMs: number): unknown {
    const [config] = args
    const { calls, streams } = this.driver.dialect
    if (streams.is(config)) {
      this.#wait(
        waitMs,
        () => void this.#sendHosts(args),
        error => refuseStream(config, error),
      )
      return config
    }
    const callback = calls.callbackOf(args)
    if (callback) {
      this.#wait(
        waitMs,
        () => void this.#sendHosts(args),
        error => callback.callback(error),
      )
      return undefined
    }
    return new Promise((resolve, reject) => {
      this.#wait(waitMs, () => resolve(this.#sendHosts(args)), reject)
    })
  }

  #sendHosts(args: unknown[]): unknown {
    return Reflect.apply(this.client.query as Query, this.client, args)
  }

  #wait(waitMs: number, send: () => void, refuse: (error: Error) => void): void {
    // It will be sent from the code that ends the turn, but still belongs to the request that wrote it.
    const inContext = AsyncLocalStorage.snapshot() as (fn: () => void) => void
    const since = performance.now()
    const deadline = startDeadline(waitMs, () => {
      this.#waiting = this.#waiting.filter(one => one !== statement)
      const error = hostWaited(this.client.processID ?? null, performance.now() - since)
      inContext(() => refuse(error))
    })
    const statement: HostStatement = {
      send: () => {
        deadline.stop()
        inContext(send)
      },
    }
    this.#waiting.push(statement)
  }
}
