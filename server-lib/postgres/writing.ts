import type { DriverResult } from '../dialect/result.ts'
import type { Writing } from '../dialect/writes.ts'
import { beginsWith } from './statements.ts'

/** Command tags of statements that change data or schema. A SELECT that writes (a CTE, a function) has none of them. */
const CHANGING = new Set('INSERT UPDATE DELETE MERGE COPY TRUNCATE CREATE ALTER DROP CALL'.split(' '))
/** The same, and the tags of savepoints. */
const FOLLOWED = new Set([...CHANGING, 'SAVEPOINT', 'RELEASE', 'ROLLBACK'])

/** COPY has one tag for both directions. */
const COPIES_OUT = /^\s*copy\b[^]*\bto\s+(?:stdout|program|')/i

const WRITES = /(?:insert|update|delete|merge|truncate|create|alter|drop|call|with|copy)\b/iy

const isChange = ({ command }: DriverResult) => CHANGING.has(command ?? '')

export const writing: Writing = {
  isChange,
  isFollowed: ({ command }) => FOLLOWED.has(command ?? ''),
  hasLeftSomething: (result, text) =>
    isChange(result) && result.rowCount !== 0 && (result.command !== 'COPY' || !COPIES_OUT.test(text)),
  mayWrite: text => beginsWith(text, WRITES),
}
