import type { IncomingMessage, ServerResponse } from 'node:http'
import { warn } from '../channels/errors.ts'
import { failureText } from '../channels/failure-text.ts'
import { labelOf } from './mount.ts'

/** Answers a failed request where no framework does. */
export function answerPlainly(response: ServerResponse): void {
  if (response.headersSent) return void response.end()
  response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' })
  response.end('Internal Server Error')
}

export function warnOfFailure(error: unknown, request: IncomingMessage): void {
  warn('EL_HANDLER_FAILED', `The handler of ${labelOf(request)} failed: ${failureText(error)}`)
}
