import type { Context, Span } from '@opentelemetry/api'
import { trace } from '../api.ts'
import { wallTime } from '../clock.ts'
import { ABANDONED } from '../semconv.ts'

/** Why a span ended without a message about its end. */
export type AbandonReason =
  | 'its parent ended first'
  | 'too many are open'
  | 'the instrumentation was disabled'

/** A span that has started, the context for its children, and those of our children that are open. */
export class OpenSpan {
  readonly span: Span
  readonly #parent: Context
  #context: Context | undefined
  readonly #owner: OpenSpan | undefined
  #children: Set<OpenSpan> | undefined
  readonly #forget: () => void
  #closingAt: number | undefined
  #ended = false

  constructor(span: Span, parent: Context, owner: OpenSpan | undefined, forget: () => void = () => {}) {
    this.span = span
    this.#parent = parent
    this.#owner = owner
    this.#forget = forget
    if (owner) (owner.#children ??= new Set()).add(this)
  }

  /** The parent's context with this span as the active one. Made on demand, because most spans have no children. */
  get context(): Context {
    return (this.#context ??= trace.setSpan(this.#parent, this.span))
  }

  /** Ends this span, after the children that are still open. `at` is `performance.now()`. */
  end(at: number): void {
    if (this.#ended) return
    this.#ended = true
    this.#abandonChildren('its parent ended first', at)
    try {
      this.span.end(wallTime(at))
    } finally {
      // One of the application's processors can throw; the span is forgotten all the same.
      this.#forget()
      if (this.#owner) this.#owner.#childEnded(this, at)
    }
  }

  /**
   * Ends this span as soon as its children have ended. A transaction is over on the server a moment before its COMMIT
   * is reported.
   */
  close(at: number): void {
    if (!this.#children?.size) this.end(at)
    else this.#closingAt ??= at
  }

  abandon(reason: AbandonReason, at: number): void {
    if (this.#ended) return
    if (this.#closingAt === undefined) this.span.setAttribute(ABANDONED, reason)
    this.#abandonChildren(reason, at)
    this.end(this.#closingAt ?? at)
  }

  #abandonChildren(reason: AbandonReason, at: number): void {
    if (!this.#children?.size) return
    for (const child of [...this.#children].toReversed()) child.abandon(reason, at)
  }

  #childEnded(child: OpenSpan, at: number): void {
    this.#children?.delete(child)
    if (this.#closingAt !== undefined && !this.#children?.size) this.end(Math.max(this.#closingAt, at))
  }
}
