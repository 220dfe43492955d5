import { warn } from '../channels/errors.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import type { DriverResult } from '../postgres/driver.ts'
import { firstControl } from '../postgres/read-control.ts'
import { beginsWith } from '../postgres/statements.ts'
import { ToldLines } from './told-lines.ts'

/** The first statement of a transaction that has changed something. */
export interface FirstWrite {
  /** Its line, if that was captured. */
  readonly capture: SiteCapture | null
}

/** Command tags of statements that change data or schema. A SELECT that writes (a CTE, a function) has none of them. */
const CHANGING = new Set('INSERT UPDATE DELETE MERGE COPY TRUNCATE CREATE ALTER DROP CALL'.split(' '))
/** The same, and the tags of savepoints, which can undo changes. */
const FOLLOWED = new Set([...CHANGING, 'SAVEPOINT', 'RELEASE', 'ROLLBACK'])

type Result = DriverResult | DriverResult[] | undefined

const isChange = ({ command }: DriverResult) => CHANGING.has(command ?? '')
const isFollowed = ({ command }: DriverResult) => FOLLOWED.has(command ?? '')

/** Whether a statement has changed something, by its command tag; for several statements, whether any has. */
export const hasChanged = (result: Result): boolean =>
  result !== undefined && (Array.isArray(result) ? result.some(isChange) : isChange(result))

/** COPY has one tag for both directions. */
const COPIES_OUT = /^\s*copy\b[^]*\bto\s+(?:stdout|program|')/i

/** Whether the statement left something to lose: not when no row was changed, nor when rows were copied out. */
function hasLeftSomething(result: Result, text: string): boolean {
  if (result === undefined) return false
  if (Array.isArray(result)) return result.some(one => hasLeftSomething(one, text))
  if (!isChange(result) || result.rowCount === 0) return false
  return result.command !== 'COPY' || !COPIES_OUT.test(text)
}

/**
 * What a transaction would lose if it ended without a commit: its first write, unless a savepoint set before that was
 * undone since. Created for the first statement that writes or sets a savepoint.
 */
export class Writes {
  first: FirstWrite | undefined
  /** Savepoints that may be open, each with the first write at the time it was set. */
  readonly #savepoints: { readonly name: string; readonly first: FirstWrite | undefined }[] = []

  /** Whether the result matters here: not that of a statement that only reads. */
  static concern(result: Result): boolean {
    return result !== undefined && (Array.isArray(result) ? result.some(isFollowed) : isFollowed(result))
  }

  follow(text: string, result: Result, capture: SiteCapture | null): void {
    if (hasLeftSomething(result, text)) this.first ??= { capture }
    const control = firstControl(text)
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

const WRITING = /(?:insert|update|delete|merge|truncate|create|alter|drop|call|with|copy)\b/iy

/** Whether the text of a statement may write, as far as its first word tells. */
export const mayWrite = (text: unknown): boolean => typeof text === 'string' && beginsWith(text, WRITING)

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
