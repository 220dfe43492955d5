import { AsyncLocalStorage } from 'node:async_hooks'
import { channels } from '../channels/channels.ts'
import type { RequestKind, RequestOutcome } from '../channels/words.ts'
import { nextId } from '../identity/ids.ts'

/** What a scope knows of a container. */
export interface Contained {
  end(how: 'finished' | 'aborted', reason?: unknown): Promise<void>
  unreleased(): string[]
}

/**
 * One unit of work: an HTTP request, a scoped job, or a container that somebody opened. It is what sessions,
 * check-outs and statements are attributed to. It holds nothing of the request but its label, so that a
 * connection or a record that outlives the request keeps nothing alive.
 */
export class RequestScope {
  readonly id = nextId('u')
  readonly kind: RequestKind
  readonly label: string
  /** Containers of this request, with the engines they belong to: two mounts of the same engines share one. */
  #containers: { readonly engines: object; readonly container: Contained }[] = []
  /** Engines that have, had or will have a container here. They are the application's, and outlive every request. */
  readonly #engines: object[] = []
  /** It was answered with an error, so what it has written is meant to be lost. Set before its containers end. */
  hasFailed = false
  #closing = false
  #ended = false
  /** What the request says of itself, as settings of each of its transactions; asked at each BEGIN. */
  annotate: (() => Readonly<Record<string, string>> | undefined) | undefined
  /** Which units of a protocol (a field of a mutation, a procedure) were undone by themselves; undefined where there are none. */
  undone: string[] | undefined
  /** The nearest one around it that was still going on as this one began. */
  #around: RequestScope | undefined

  constructor(kind: RequestKind, label: string, attribute: string | null, engines: readonly string[]) {
    this.kind = kind
    this.label = label
    this.#around = currentRequest()
    while (this.#around?.ended) this.#around = this.#around.#around
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

  /** From the moment in which its containers begin to end: one that is made after that has ended already. */
  get ended(): boolean {
    return this.#closing || this.#ended
  }

  /** Whether it was begun inside of this one, at whatever depth, and both go on. */
  isInside(id: string): boolean {
    for (let scope = this.#around; scope; scope = scope.#around) if (scope.id === id) return true
    return false
  }

  get isNested(): boolean {
    return this.#around !== undefined
  }

  /** A container of these engines belongs here, made or not. */
  expects(engines: object): void {
    if (!this.#engines.includes(engines)) this.#engines.push(engines)
  }

  /** Whether code that runs here runs inside of a container of these engines, which may have ended. */
  isOf(engines: object): boolean {
    return this.#engines.includes(engines)
  }

  container(engines: object): Contained | undefined {
    for (const known of this.#containers) if (known.engines === engines) return known.container
    return undefined
  }

  /** One that comes after the end belongs to nobody but whoever asked for it. */
  addContainer(engines: object, container: Contained): void {
    this.expects(engines)
    if (!this.ended) this.#containers.push({ engines, container })
  }

  /** Ends every container of the request, whatever becomes of the others. */
  async endContainers(how: 'finished' | 'aborted', reason?: unknown): Promise<void> {
    this.#closing = true
    await Promise.all(this.#containers.map(({ container }) => container.end(how, reason)))
  }

  /** The request is over and its containers have ended. */
  end(outcome: RequestOutcome, status: number | null = null): void {
    if (this.#ended) return
    this.#ended = true
    // A job that starts its successor from within must not make a chain of all that ever ran.
    this.#around = undefined
    const containers = this.#containers
    // A timer or socket that was made in this request keeps the request's context, and so this scope, for as long as
    // it lives: it must not keep the application's request with it.
    this.#containers = []
    this.annotate = undefined
    if (channels.request.hasSubscribers) {
      const unreleased = containers.flatMap(({ container }) => container.unreleased())
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

const storage = new AsyncLocalStorage<RequestScope | undefined>()

/** The request that is being served in this async context, if any. A look-up: state lives in the request's containers. */
export function currentRequest(): RequestScope | undefined {
  return storage.getStore()
}

export function runInRequest<T>(request: RequestScope, fn: () => T): T {
  return storage.run(request, fn)
}

/** Runs a function in the same async context without its request: that would be another one's. */
export function outsideOfRequests<T>(fn: () => T): T {
  return storage.getStore() === undefined ? fn() : storage.run(undefined, fn)
}
