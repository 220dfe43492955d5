import { SpanKind, SpanStatusCode } from '../api.ts'
import type { SessionMessage } from '../../../server-lib/channels/index.ts'
import { ERROR_TYPE, SESSION_STATEMENT_COUNT } from '../semconv.ts'
import { outermostAttributes } from './attributes.ts'
import type { SpanTree } from './span-tree.ts'

type Of<P extends SessionMessage['phase']> = Extract<SessionMessage, { phase: P }>

/**
 * One INTERNAL span for each session. Its parent is the active span where `db.<engine>` is first used: the HTTP span.
 */
export class SessionSpans {
  readonly #tree: SpanTree

  constructor(tree: SpanTree) {
    this.#tree = tree
  }

  handle(message: SessionMessage): void {
    switch (message.phase) {
      case 'start':
        return this.#start(message)
      case 'state':
      case 'ending':
        return
      case 'end':
        return this.#end(message)
      default:
        message satisfies never
    }
  }

  /** 1st: the session's first access. */
  #start({ id, at, engine, request, mode }: Of<'start'>): void {
    const open = this.#tree.start(
      `enginelight.session ${engine}`,
      SpanKind.INTERNAL,
      at,
      outermostAttributes(this.#tree.engines.of(engine), { request, session: id }, mode),
      this.#tree.ofRequest(request),
      () => this.#tree.sessions.take(id),
    )
    this.#tree.sessions.set(id, open)
  }

  /** 2nd: the container has ended. What is still open in the session ends here, and first. */
  #end({ id, at, released, statements }: Of<'end'>): void {
    const open = this.#tree.sessions.get(id)
    if (!open) return
    open.span.setAttribute(SESSION_STATEMENT_COUNT, statements)
    if (!released) {
      open.span.setAttribute(ERROR_TYPE, 'unreleased')
      open.span.setStatus({ code: SpanStatusCode.ERROR, message: 'its connection is not confirmed released' })
    }
    open.end(at)
  }
}
