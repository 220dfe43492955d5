import diagnosticsChannel, { type Channel as NodeChannel } from 'node:diagnostics_channel'
import { warn } from './errors.ts'
import { failureText } from './failure-text.ts'

export type Observer<M> = (message: M) => void

/** A channel with its message type. Ask `hasSubscribers` before building a message: that is all it costs unheard. */
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
   * Hands the message to each observer in turn. Node's own `publish` turns an observer's exception into an
   * uncaughtException, which ends the process of the application that is merely being watched; so where
   * Node keeps its list of subscribers in `_subscribers` (20 to 26 do) we call them ourselves and report what
   * they throw as a process warning.
   */
  publish(message: M): void {
    const subscribers = this.#node._subscribers
    if (!Array.isArray(subscribers)) return this.#node.publish(message)
    // A copy-on-write array in Node: an observer that leaves while we iterate does not disturb us.
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
