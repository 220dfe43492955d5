import diagnosticsChannel, { type Channel as NodeChannel } from 'node:diagnostics_channel'
import { warn } from './errors.ts'
import { failureText } from './failure-text.ts'

export type Observer<M> = (message: M) => void

/**
 * A channel with its message type. Ask `hasSubscribers` before building a message: without subscribers that is the
 * whole cost.
 */
export class Channel<M> {
  readonly name: string
  readonly #node: NodeChannel & { _subscribers?: readonly unknown[] }

  constructor(name: string) {
    this.name = name
    this.#node = diagnosticsChannel.channel(name)
  }

  get hasSubscribers(): boolean {
    return this.#node.hasSubscribers
  }

  /**
   * Hands the message to each observer in turn, and reports what an observer throws as a process warning. Node's own
   * `publish` would turn it into an uncaughtException and end the application that is merely being watched. So where
   * Node keeps its subscribers in `_subscribers` (20 to 26 do), they are called from here.
   */
  publish(message: M): void {
    const subscribers = this.#node._subscribers
    if (!Array.isArray(subscribers)) return this.#node.publish(message)
    // Node copies this array on write: an observer that unsubscribes meanwhile does not disturb the loop.
    for (const subscriber of subscribers as Observer<M>[]) {
      try {
        ;(subscriber as (message: M, name: string) => void)(message, this.name)
      } catch (error) {
        reportObserverFailure(this.name, error)
      }
    }
  }
}

const failuresByChannel = new Map<string, number>()

function reportObserverFailure(channel: string, error: unknown): void {
  const count = (failuresByChannel.get(channel) ?? 0) + 1
  failuresByChannel.set(channel, count)
  // The first, the tenth, the hundredth …: an observer that fails on each message must not flood the log.
  if (Number.isInteger(Math.log10(count))) {
    warn('EL_OBSERVER_THREW', `An observer of ${channel} threw (${count} so far): ${failureText(error)}`)
  }
}
