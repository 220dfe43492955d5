import { AsyncLocalStorage } from 'node:async_hooks'
import { startDeadline } from '../clock/deadline.ts'
import { borrowerSends } from '../watch/whispers.ts'
import { isClosed, isSubmittable, type DriverConnection } from '../postgres/driver.ts'
import { onReady } from '../postgres/ready.ts'
import { callbackOf } from '../pool/statement-arguments.ts'
import { hostWaited } from './sharing-errors.ts'
import type { HostConnection } from './host-connection.ts'

/** Somebody who borrows the connection, from the moment he asks until he leaves. */
export interface GateTurn {
  /** How long a statement of the host waits for him, in milliseconds. */
  readonly hostWaitMs: number
  /** It is his: nothing runs on the connection, and nobody else borrows it. */
  come(): void
  /** The connection was closed while he waited for it. */
  lost(): void
  /** Whether the running code is inside of his savepoint, where the host's statements belong as well. */
  isInside(): boolean
  /** The host sends this from inside of his savepoint. */
  hostSends(config: unknown): void
}

/** A statement of the host that waits until a savepoint of ours is over. */
interface HostStatement {
  send(): void
}

type Query = (...args: unknown[]) => unknown

/** One for each connection of a host, whoever borrows it by whichever way. To another copy of this package we are the host. */
const gates = new WeakMap<object, HostGate>()

/**
 * The gate of one connection of a host. Those who borrow go through one at a time; while one of them has a savepoint open,
 * the host's own statements wait, since what it wrote then would vanish with that savepoint. Its `query` is shadowed for just that
 * long, on the instance, and nothing else is touched.
 */
export class HostGate {
  readonly client: HostConnection
  #holder: GateTurn | undefined
  /** Ours, while it stands before the host's `query`. */
  #guard: Query | undefined
  #beneath: Query | undefined
  /** Whether the host's was the connection's own property. */
  #wasOwn = false
  #waiting: (GateTurn | HostStatement)[] = []
  #stopWaitingForReady: (() => void) | undefined

  constructor(client: HostConnection) {
    this.client = client
  }

  static of(client: HostConnection): HostGate {
    let gate = gates.get(client)
    if (!gate) gates.set(client, (gate = new HostGate(client)))
    return gate
  }

  /** Lines up. `come` is called when the turn has come, at once where nobody is before it. */
  enter(turn: GateTurn): void {
    if (this.#holder || this.#waiting.length > 0) this.#waiting.push(turn)
    else this.#begin(turn)
  }

  /** Gives the turn back, or gives up waiting for it. */
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
    const driver = this.client as unknown as DriverConnection
    if (isClosed(driver)) return turn.lost()
    // pg has a queue of its own, and will give it up.
    if (driver.readyForQuery !== false) return turn.come()
    this.#stopWaitingForReady = onReady(driver, isOpen => {
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
    // Another each time: on one of before somebody may have put theirs, so that ours would be beneath itself.
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

  /** The host's statements go through again; those that wait do so when the turn is given back. */
  open(): void {
    const { client } = this
    const guard = this.#guard
    if (!guard) return
    this.#guard = undefined
    // Somebody has put theirs before ours since: ours stays, and does nothing but pass on.
    if (client.query !== guard) return
    if (this.#wasOwn) client.query = this.#beneath as Query
    else delete (client as { query?: unknown }).query
  }

  /** Sends a statement of whoever has the turn. */
  send(args: unknown[]): unknown {
    const query = this.#guard ? (this.#beneath as Query) : (this.client.query as Query)
    return borrowerSends.during(true, () => Reflect.apply(query, this.client, args))
  }

  #hold(args: unknown[], waitMs: number): unknown {
    const [config] = args
    if (isSubmittable(config)) {
      this.#wait(
        waitMs,
        () => void this.#sendHosts(args),
        error => {
          if (config.destroy) config.destroy(error)
          else config.handleError?.(error)
        },
      )
      return config
    }
    const callback = callbackOf(args)
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
    // When its turn comes it is sent from whoever is done: it still belongs to the request that wrote it.
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
