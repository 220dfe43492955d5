import { codeAndMessage, errorFacts, fullMessage } from './errors.ts'

const FRAMES = 10
/** In characters. Of a longer stack the end is kept: it holds the frames. */
const LONGEST_STACK = 16_384

/**
 * An error of the application's code, as a process warning shows it: the facts that `errorFacts` allows, and where it
 * was thrown. With ENGINELIGHT_ERROR_MESSAGES=1 the message itself as well.
 */
export function failureText(error: unknown): string {
  const facts = errorFacts(error)
  const told =
    process.env['ENGINELIGHT_ERROR_MESSAGES'] === '1'
      ? `${facts.type}: ${fullMessage(facts)}`
      : codeAndMessage(error)
  return [told, ...framesOf(error)].join('\n')
}

/** Only the lines at the end of the stack: the message above them may have lines that look like frames. */
function framesOf(error: unknown): string[] {
  const stack: unknown = error instanceof Error ? error.stack : undefined
  if (typeof stack !== 'string') return []
  const lines = stack.slice(-LONGEST_STACK).split('\n')
  const first = lines.findLastIndex(line => !isFrame(line)) + 1
  return lines.slice(first, first + FRAMES)
}

const isFrame = (line: string) => line.startsWith('    at ')
