import { withoutCredentials } from '../identity/credentials.ts'
import { codeAndMessage, EnginelightError } from './errors.ts'
import { serverCodeOf } from '../dialect/known-dialects.ts'

/** In characters. Longer messages are cut before they are read. */
const LONGEST = 2_000

/**
 * An error's message for the developer who has just started something: for errors of the server only the safe facts,
 * for any other the message without credentials. Panel, spans and warnings show less: see `errorFacts`.
 */
export function shownMessage(error: unknown): string {
  if (error instanceof EnginelightError) return error.message
  if (serverCodeOf(error) !== undefined) return codeAndMessage(error)
  const message = error instanceof Error ? String(error.message) : String(error)
  return withoutCredentials(message.length > LONGEST ? `${message.slice(0, LONGEST)}…` : message)
}
