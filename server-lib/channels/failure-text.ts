import { codeAndMessage, errorFacts, fullMessage } from './errors.ts'

const FRAMES = 10
/** In characters. A stack that is longer is cut, its end is what counts. */
const LONGEST_STACK = 16_384

/**
 * An error of the application's code for a process warning: what `errorFacts` lets through, and where it was thrown. The
 * message itself is added where ENGINELIGHT_ERROR_MESSAGES=1 asks for it.
 */
export function failureText(error: unknown): string {
  const facts = errorFacts(error)
  const told =
    process.env['ENGINELIGHT_ERROR_MESSAGES'] === '1'
      ? `${facts.type}: ${fullMessage(facts)}`
      : codeAndMessage(error)
  return [told, ...framesOf(error)].join('\n')
}

/** The lines at the stack's end alone: above them is the message, which may have lines that look like frames. */
function framesOf(error: unknown): string[] {
  const stack: unknown = error instanceof Error ? error.stack : undefined
  if (typeof stack !== 'string') return []
  const lines = stack.slice(-LONGEST_STACK).split('\n')
  const first = lines.findLastIndex(line => !isFrame(line)) + 1
  return lines.slice(first, first + FRAMES)
}

const isFrame = (line: string) => line.startsWith('    at ')
