import { errorMonitor } from 'node:events'
import { outsideOfRequests } from '../requests/request-scope.ts'
import { contextHere, type CallerContext } from './caller-context.ts'
import { shadow, type Method } from './shadow.ts'

type EventName = string | symbol

/** The parts of an EventEmitter that we use. */
export interface Emitter {
  emit(event: EventName, ...args: unknown[]): boolean
  eventNames(): EventName[]
  rawListeners(event: EventName): unknown[]
  listenerCount(event: EventName): number
}

/**
 * The context of each registration of one listener, in the order of the emitter's list. Undefined if it was registered
 * before we watched.
 */
type Registrations = (CallerContext | undefined)[]

export type IsOurs = (event: EventName, listener: unknown) => boolean

type Call = (self: unknown, args: unknown[]) => unknown

/** `once` and `prependOnceListener` call these too, with the wrapper that is in the emitter's list. */
const ADDING = { on: false, addListener: false, prependListener: true }

/**
 * Runs each listener of one emitter in the async context of its registration, whatever emits. The emitter's own list
 * stays as the application made it. Shadowed on the instance are the methods that add, to learn the context, and
 * `emit`. A listener from before we watched runs in the context of the emission, but in no request: it could belong to
 * any.
 */
export class ListenerContexts {
  readonly #emitter: Emitter
  readonly #byEvent = new Map<EventName, WeakMap<Method, Registrations>>()
  /** Listeners of this library, or of the driver for its own use. */
  readonly #ours = new WeakSet<Method>()
  readonly #undo: (() => void)[]
  #watching = true

  /**
   * A listener for which `isOurs` is true when added is left alone: an event with only such listeners costs nothing.
   */
  constructor(emitter: Emitter, isOurs: IsOurs) {
    this.#emitter = emitter
    for (const event of emitter.eventNames()) this.#byEvent.set(event, new WeakMap())
    const note = (event: EventName, listener: Method, isFirst: boolean) => {
      if (isOurs(event, listener)) this.#ours.add(listener)
      else this.#note(event, listener, isFirst)
    }
    const isWatching = () => this.#watching
    this.#undo = Object.entries(ADDING).map(([name, isFirst]) =>
      shadow(emitter, name, original => {
        return function add(this: unknown, ...args) {
          const added = original.apply(this, args)
          const [event, listener] = args
          if (isWatching()) note(event as EventName, listener as Method, isFirst)
          return added
        }
      }),
    )
    // Node reports the rejection of an async listener only when its own `emit` calls the listeners, so it calls them
    // all.
    const tell = capturesRejections(emitter) ? () => false : this.#tell.bind(this)
    const has = this.has.bind(this)
    this.#undo.push(
      shadow(emitter, 'emit', original => {
        return function emit(this: unknown, ...args) {
          const event = args[0] as EventName
          if (!isWatching() || !has(event)) return original.apply(this, args)
          return tell(event, args.slice(1)) || outsideOfRequests(() => original.apply(this, args))
        }
      }),
    )
  }

  /** Whether an event has, or has had, a listener that is not ours. */
  has(event: EventName): boolean {
    return this.#byEvent.has(event)
  }

  #note(event: EventName, listener: Method, isFirst: boolean): void {
    let known = this.#byEvent.get(event)
    if (!known) this.#byEvent.set(event, (known = new WeakMap()))
    const registrations = known.get(listener) ?? []
    known.set(listener, registrations)
    // Node removes the last registration of a listener, and says so only in a `removeListener` event.
    const others = this.#emitter.rawListeners(event).filter(other => other === listener).length - 1
    registrations.length = Math.min(registrations.length, others)
    while (registrations.length < others) registrations.unshift(undefined)
    if (isFirst) registrations.unshift(contextHere())
    else registrations.push(contextHere())
  }

  /** Calls the listeners of an event as the emitter would. False if none is left: an unheard `error` is thrown. */
  #tell(event: EventName, args: unknown[]): boolean {
    const emitter = this.#emitter
    const calls = this.calls(event)
    if (calls.length === 0) return false
    if (event === 'error' && emitter.listenerCount(errorMonitor) > 0) emitter.emit(errorMonitor, ...args)
    for (const call of calls) call(emitter, args)
    return true
  }

  /** The event's current listeners, each bound to its context. */
  calls(event: EventName): Call[] {
    const known = this.#byEvent.get(event)
    if (!known) return []
    const listeners = this.#emitter.rawListeners(event) as Method[]
    return listeners.map((listener, at) => {
      if (this.#ours.has(listener)) return (self, args) => Reflect.apply(listener, self, args) as unknown
      const registrations = known.get(listener)
      const nth = registrations && registrations.length > 1 ? countBefore(listeners, at) : 0
      const context = registrations?.[nth]
      return (self, args) =>
        context
          ? context.runInAsyncScope(listener, self, ...args)
          : outsideOfRequests(() => Reflect.apply(listener, self, args) as unknown)
    })
  }

  /** From now on the listeners run in the emitter's context, as without us. */
  leave(): void {
    this.#watching = false
    for (const undo of this.#undo) undo()
  }
}

const countBefore = (listeners: unknown[], at: number) =>
  listeners.slice(0, at).filter(other => other === listeners[at]).length

/** Node keeps `captureRejections` in a private symbol, and shows it nowhere else. */
const capturesRejections = (emitter: object): boolean =>
  Object.getOwnPropertySymbols(emitter).some(
    symbol => symbol.description === 'kCapture' && (emitter as Record<symbol, unknown>)[symbol] === true,
  )
