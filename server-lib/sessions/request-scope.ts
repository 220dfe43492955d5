import { AsyncLocalStorage } from 'node:async_hooks'
import { channels, type RequestKind, type RequestOutcome } from '../channels.ts'
import { nextId } from '../identity/ids.ts'

/**
 * One unit of work: an HTTP request, a scoped job, or a container that somebody opened. It is what sessions,
 * check-outs and statements are attributed to. It holds nothing of the request but its label, so that a
 * connection or a record that outlives the request keeps nothing alive.
 */
export class RequestScope {
  readonly id = nextId('u')
  readonly kind: RequestKind
  readonly label: string
  /** Containers of this request, by the engines they belong to: two mounts of the same engines share one. */
  readonly containers = new Map<object, { unreleased(): string[] }>()
  #ended = false

  constructor(kind: RequestKind, label: string, attribute: string | null, engines: readonly string[]) {
    this.kind = kind
    this.label = label
    if (channels.request.hasSubscribers) {
      channels.request.publish({
        phase: 'start',
        at: performance.now(),
        id: this.id,
        kind,
        label,
        attribute,
        engines,
      })
    }
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The request is over and its containers have ended. */
  end(outcome: RequestOutcome, status: number | null = null): void {
    if (this.#ended) return
    this.#ended = true
    if (channels.request.hasSubscribers) {
      const unreleased = [...this.containers.values()].flatMap(container => container.unreleased())
      channels.request.publish({
        phase: 'end',
        at: performance.now(),
        id: this.id,
        outcome,
        status,
        unreleased,
      })
    }
  }
}

const storage = new AsyncLocalStorage<RequestScope>()

/** The request that is being served in this async context, if any. A look-up: state lives in the request's containers. */
export function currentRequest(): RequestScope | undefined {
  return storage.getStore()
}

export function runInRequest<T>(request: RequestScope, fn: () => T): T {
  return storage.run(request, fn)
}
