import type { Dialect } from './dialect.ts'
import type { ErrorKind, Failure } from './errors.ts'

/** The dialects of this process. An error, or a host's connection, says by itself of which it is. */
const known: Dialect[] = []

/** Makes a dialect known, once. */
export function know(dialect: Dialect): void {
  if (!known.includes(dialect)) known.push(dialect)
}

export const knownDialects = (): readonly Dialect[] => known

/** The dialect of the server that the error came from; undefined for an error of any other origin. */
function dialectOf(error: unknown): Dialect | undefined {
  return known.find(({ errors }) => errors.codeOf(error) !== undefined)
}

/** The server's own code of an error, such as an SQLSTATE; undefined for an error that is no server's. */
export const serverCodeOf = (error: unknown): string | undefined => dialectOf(error)?.errors.codeOf(error)

/** The meaning of a server's error, with nothing of the statement or its values; undefined for any other error. */
export function serverErrorText(error: Error): string | undefined {
  const errors = dialectOf(error)?.errors
  const code = errors?.codeOf(error)
  return code === undefined ? undefined : errors?.textOf(code, error)
}

export const kindOf = (error: unknown): ErrorKind | null => dialectOf(error)?.errors.kindOf(error) ?? null

/** Whether only the statement failed or the connection with it. What does not come from a server leaves it in doubt. */
export const failureOf = (error: unknown): Failure =>
  dialectOf(error)?.errors.failureOf(error) ?? 'connection'
