/** Messages as they were when the driver told of the errors. */
const messages = new WeakMap<Error, string>()

/** Called as the driver tells of an error, before anybody else has it in hand. */
export function rememberMessage(error: Error): void {
  if (!messages.has(error)) messages.set(error, error.message)
}

/** What knex writes between a statement and the message. */
const BEFORE_MESSAGE = ' - '

/**
 * An error's message without the statement that knex writes in front of the message of each error that passes through it, with
 * all values where it is told to. Of a server's error that we see for the first time all but the end may be the statement.
 */
export function ownMessage(error: Error): string {
  const { message } = error
  const known = messages.get(error)
  if (known !== undefined && message.endsWith(known)) return known
  const at = 'severity' in error ? message.lastIndexOf(BEFORE_MESSAGE) : -1
  return at < 0 ? message : message.slice(at + BEFORE_MESSAGE.length)
}

/** A text as a part of a sentence: on one line, and no longer than this. */
export function inShort(text: string, longest: number): string {
  const line = text
    .slice(0, 4 * longest)
    .replace(/\s+/g, ' ')
    .trim()
  const isWhole = text.length <= 4 * longest && line.length <= longest
  return isWhole ? line : `${line.slice(0, longest - 1)}…`
}
