import { trace, type Context, type Span } from '@opentelemetry/api'
import { wallTime } from '../clock.ts'
import { ABANDONED } from '../semconv.ts'

/** Why a span ended without having been told its own end. */
export type AbandonReason =
  | 'its parent ended first'
  | 'too many are open'
  | 'the instrumentation was disabled'

/** A span that has started, the context for its children, and those of them that we opened and that are open. */
export class OpenSpan {
  readonly span: Span
  /** With this span as the active one, whatever was active when it started. */
  readonly context: Context
  readonly #owner: OpenSpan | undefined
  readonly #children = new Set<OpenSpan>()
  readonly #forget: () => void
  #closingAt: number | undefined
  #ended = false

  constructor(span: Span, parent: Context, owner: OpenSpan | undefined, forget: () => void = () => {}) {
    this.span = span
    this.context = trace.setSpan(parent, span)
    this.#owner = owner
    this.#forget = forget
    if (owner) owner.#children.add(this)
  }

  /** Ends this span, and before it the children that are still open. `at` is `performance.now()`. */
  end(at: number): void {
    if (this.#ended) return
    this.#ended = true
    this.#abandonChildren('its parent ended first', at)
    this.span.end(wallTime(at))
    this.#forget()
    if (this.#owner) this.#owner.#childEnded(this, at)
  }

  /**
   * Ends this span as soon as its children have ended. A transaction is over on the server a moment before
   * we hear that its COMMIT is.
   */
  close(at: number): void {
    if (this.#children.size === 0) this.end(at)
    else this.#closingAt ??= at
  }

  abandon(reason: AbandonReason, at: number): void {
    if (this.#ended) return
    if (this.#closingAt === undefined) this.span.setAttribute(ABANDONED, reason)
    this.#abandonChildren(reason, at)
    this.end(this.#closingAt ?? at)
  }

  #abandonChildren(reason: AbandonReason, at: number): void {
    for (const child of [...this.#children].reverse()) child.abandon(reason, at)
  }

  #childEnded(child: OpenSpan, at: number): void {
    this.#children.delete(child)
    if (this.#closingAt !== undefined && this.#children.size === 0) this.end(Math.max(this.#closingAt, at))
  }
}
