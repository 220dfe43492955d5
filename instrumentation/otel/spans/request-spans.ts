import { SpanKind, SpanStatusCode, context } from '../api.ts'
import type { RequestMessage } from '../../../server-lib/channels/index.ts'
import {
  ERROR_TYPE,
  REQUEST_ID,
  REQUEST_KIND,
  REQUEST_LABEL,
  REQUEST_OUTCOME,
  REQUEST_UNRELEASED,
} from '../semconv.ts'
import type { SpanTree } from './span-tree.ts'

type Of<P extends RequestMessage['phase']> = Extract<RequestMessage, { phase: P }>

/** One INTERNAL span for each request or scope, if the options ask for it. */
export class RequestSpans {
  readonly #tree: SpanTree

  constructor(tree: SpanTree) {
    this.#tree = tree
  }

  handle(message: RequestMessage): void {
    if (!this.#tree.options.requestSpans) return
    switch (message.phase) {
      case 'start':
        return this.#start(message)
      case 'end':
        return this.#end(message)
      default:
        message satisfies never
    }
  }

  /** 1st: the request exists. The label can contain ids from the path, so it is an attribute and not the name. */
  #start({ id, at, kind, label }: Of<'start'>): void {
    const outside = context.active()
    const open = this.#tree.start(
      'enginelight.request',
      SpanKind.INTERNAL,
      at,
      { [REQUEST_ID]: id, [REQUEST_KIND]: kind, [REQUEST_LABEL]: label },
      { context: outside, owner: undefined },
      () => this.#tree.requests.take(id),
    )
    this.#tree.requests.set(id, { open, outside })
  }

  /** 2nd: it is over. */
  #end({ id, at, outcome, unreleased }: Of<'end'>): void {
    const request = this.#tree.requests.get(id)
    if (!request) return
    const { span } = request.open
    span.setAttribute(REQUEST_OUTCOME, outcome)
    if (unreleased.length > 0) {
      span.setAttributes({ [REQUEST_UNRELEASED]: [...unreleased], [ERROR_TYPE]: 'unreleased' })
      span.setStatus({ code: SpanStatusCode.ERROR, message: `not released: ${unreleased.join(', ')}` })
    } else if (outcome !== 'finished') {
      span.setAttribute(ERROR_TYPE, outcome)
      span.setStatus({
        code: SpanStatusCode.ERROR,
        message: `the request ${outcome === 'aborted' ? 'was aborted' : 'failed'}`,
      })
    }
    request.open.end(at)
  }
}
