import type { DriverCallback } from './result.ts'

export interface TextAndValues {
  readonly text: string
  readonly values: unknown[]
}

/** Whether a statement says no more than text and values, as nearly all do. */
export function isTextAndValues(statement: unknown): statement is TextAndValues {
  if (typeof statement !== 'object' || statement === null) return false
  const { text, values } = statement as { text?: unknown; values?: unknown }
  if (typeof text !== 'string' || !Array.isArray(values)) return false
  for (const key in statement) if (key !== 'text' && key !== 'values') return false
  return true
}

/** What is sent before and behind a statement. The same lists for the same purpose: a dialect may keep their bytes. */
export interface Enclosure {
  readonly before: readonly string[]
  readonly behind: readonly string[]
}

/** A statement as a session is asked to send it: with an enclosure around it, kept or failed as one. */
export class EnclosedStatement {
  readonly statement: unknown
  readonly enclosure: Enclosure

  constructor(statement: unknown, enclosure: Enclosure) {
    this.statement = statement
    this.enclosure = enclosure
  }
}

/** What the arguments of a driver's method say about the statement before it is sent. */
export interface StatementFacts {
  text: string
  parameters: number
  /** The values of its parameters. They are compared, and told to nothing. */
  values: unknown
  kind: 'query' | 'cursor'
}

/** A callback among the arguments, and how to send them with another in its place. */
export interface CallbackArgument {
  readonly callback: DriverCallback
  sendWith<T>(callback: DriverCallback, send: (args: unknown[]) => T): T
}

/** The forms in which the users of a driver hand it a statement. */
export interface Calls {
  /** What the arguments say; undefined where they are not recognizably a statement. */
  statementIn(args: unknown[]): StatementFacts | undefined
  callbackOf(args: unknown[]): CallbackArgument | undefined
  /** Why the driver could not write the statement; undefined for one that it can. */
  unwritable(statement: unknown): { what: 'text' | 'name'; value: unknown } | undefined
}
