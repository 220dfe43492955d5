import { warn } from '../channels/errors.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import type { Language } from '../dialect/language.ts'
import type { DriverResult } from '../dialect/result.ts'
import type { Writing } from '../dialect/writes.ts'
import { ToldLines } from './told-lines.ts'

/** The first statement of a transaction that has changed something. */
export interface FirstWrite {
  /** Its line, if that was captured. */
  readonly capture: SiteCapture | null
}

type Result = DriverResult | DriverResult[] | undefined

/** Whether a statement has changed something; for several statements, whether any has. */
export const hasChanged = (writing: Writing, result: Result): boolean =>
  result !== undefined &&
  (Array.isArray(result) ? result.some(one => writing.isChange(one)) : writing.isChange(result))

/** Whether the result matters to `Writes`: not that of a statement that only reads. */
export const concerns = (writing: Writing, result: Result): boolean =>
  result !== undefined &&
  (Array.isArray(result) ? result.some(one => writing.isFollowed(one)) : writing.isFollowed(result))

/**
 * What a transaction would lose if it ended without a commit: its first write, unless a savepoint set before that was
 * undone since. Created for the first statement that writes or sets a savepoint.
 */
export class Writes {
  readonly #dialect: Language
  first: FirstWrite | undefined
  /** Savepoints that may be open, each with the first write at the time it was set. */
  readonly #savepoints: { readonly name: string; readonly first: FirstWrite | undefined }[] = []

  constructor(dialect: Language) {
    this.#dialect = dialect
  }

  follow(text: string, result: Result, capture: SiteCapture | null): void {
    const { writing, reading } = this.#dialect
    const results = Array.isArray(result) ? result : result ? [result] : []
    if (results.some(one => writing.hasLeftSomething(one, text))) this.first ??= { capture }
    const control = reading.firstControl(text)
    if (control === null || !('name' in control)) return
    const { name, ask } = control
    const at = this.#savepoints.findLastIndex(savepoint => savepoint.name === name)
    switch (ask) {
      case 'savepoint':
        this.#savepoints.push({ name, first: this.first })
        return
      case 'release':
        if (at >= 0) this.#savepoints.length = at
        return
      case 'rollback to':
        if (at < 0) return
        this.first = this.#savepoints[at]?.first
        this.#savepoints.length = at + 1
        return
      default:
        ask satisfies never
    }
  }
}

/** Whether the text of a statement may write, as far as its first word tells. */
export const mayWrite = ({ writing }: Language, text: unknown): boolean =>
  typeof text === 'string' && writing.mayWrite(text)

/** Warnings given already. A write without a known line counts by its unit of work. */
const told = new ToldLines()

interface Forgotten {
  readonly engine: string
  /** `POST /orders`. */
  readonly label: string
  readonly request: string
  /** The first write, or else the `knex.transaction()`. */
  readonly capture: SiteCapture | null
  /** The first statement of the transaction, for a write whose line was not captured. */
  readonly begun: SiteCapture | null
  readonly isKnexTransaction: boolean
}

/** Warns that a unit of work has written and ended without an error, but without a commit. Once for each line. */
export function warnOfForgottenCommit({
  engine,
  label,
  request,
  capture,
  begun,
  isKnexTransaction,
}: Forgotten): void {
  const line = siteOf(capture)?.label
  const beginning = siteOf(begun)?.label
  const key = `${engine} ${line ?? beginning ?? label}`
  if (!told.isNew(key)) return
  const hint = isKnexTransaction
    ? ' knex.transaction() on a session is a savepoint inside of its transaction, and commits nothing.'
    : ''
  const where = line ? ` at ${line}` : beginning ? `, in the transaction that began at ${beginning},` : ''
  warn(
    'EL_NOT_COMMITTED',
    `${label} (${request}) has written on engine "${engine}"${where} and ended without commit(): it is rolled back.${hint} Call db.${engine}.commit() or db.commit(), or rollback() where that is meant.`,
  )
}
