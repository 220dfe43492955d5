import { AsyncLocalStorage } from 'node:async_hooks'
import { channels } from '../channels/channels.ts'
import type { RequestKind, RequestOutcome } from '../channels/words.ts'
import { nextId } from '../identity/ids.ts'

/** What a scope uses of a container. */
export interface Contained {
  end(how: 'finished' | 'aborted', reason?: unknown): Promise<void>
  unreleased(): string[]
}

/**
 * One unit of work: an HTTP request, a scoped job, or a container that the application opened. Sessions, check-outs and
 * statements are attributed to it. It keeps only the request's label, so that a connection or a record that outlives
 * the request keeps nothing else alive.
 */
export class RequestScope {
  readonly id = nextId('u')
  readonly kind: RequestKind
  readonly label: string
  /** The containers of this request, with the engines they belong to: two mounts of the same engines share one. */
  #containers: { readonly engines: object; readonly container: Contained }[] = []
  /** Engines that have, had or will have a container here. They belong to the application, and outlive every request. */
  readonly #engines: object[] = []
  /** Whether the request failed, so that its writes are meant to be lost. Set before its containers end. */
  hasFailed = false
  #closing = false
  #ended = false
  /** The settings that describe the request in each of its transactions; called at each BEGIN. */
  annotate: (() => Readonly<Record<string, string>> | undefined) | undefined
  /**
   * The units of a protocol (a field of a mutation, a procedure) that were undone by themselves; undefined where there
   * are none.
   */
  undone: string[] | undefined
  /** The nearest surrounding scope that was still open when this one began. */
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

  /** True from the moment its containers begin to end: a container made after that has ended already. */
  get ended(): boolean {
    return this.#closing || this.#ended
  }

  /** Whether it was begun inside the scope with this id, at any depth, and is still open. */
  isInside(id: string): boolean {
    for (let scope = this.#around; scope; scope = scope.#around) if (scope.id === id) return true
    return false
  }

  get isNested(): boolean {
    return this.#around !== undefined
  }

  /** Notes that a container of these engines belongs here, created or not. */
  expects(engines: object): void {
    if (!this.#engines.includes(engines)) this.#engines.push(engines)
  }

  /** Whether code in this scope is inside a container of these engines, which may have ended. */
  isOf(engines: object): boolean {
    return this.#engines.includes(engines)
  }

  container(engines: object): Contained | undefined {
    for (const known of this.#containers) if (known.engines === engines) return known.container
    return undefined
  }

  /** A container added after the end belongs only to its caller. */
  addContainer(engines: object, container: Contained): void {
    this.expects(engines)
    if (!this.ended) this.#containers.push({ engines, container })
  }

  /** Ends every container of the request, even when others fail. */
  async endContainers(how: 'finished' | 'aborted', reason?: unknown): Promise<void> {
    this.#closing = true
    await Promise.all(this.#containers.map(({ container }) => container.end(how, reason)))
  }

  /** Ends the scope, after its containers have ended. */
  end(outcome: RequestOutcome, status: number | null = null): void {
    if (this.#ended) return
    this.#ended = true
    // A job that starts its successor from inside must not create a chain of all that ever ran.
    this.#around = undefined
    const containers = this.#containers
    // A timer or socket made in this request keeps its async context, and so this scope, for as long as it lives: it
    // must not keep the application's request alive too.
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

/** The request served in this async context, if any. Only a look-up: state lives in the request's containers. */
export function currentRequest(): RequestScope | undefined {
  return storage.getStore()
}

export function runInRequest<T>(request: RequestScope, fn: () => T): T {
  return storage.run(request, fn)
}

/** Runs a function in the same async context but without its request, to which it does not belong. */
export function outsideOfRequests<T>(fn: () => T): T {
  return storage.getStore() === undefined ? fn() : storage.run(undefined, fn)
}
