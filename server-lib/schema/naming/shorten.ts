import { createHash } from 'node:crypto'
import { firstBytes, MOST_BYTES } from '../kept-name.ts'

/** How much of a long name is kept, in bytes; an underscore and part of its hash follow. As in SQLAlchemy. */
const KEPT_BYTES = MOST_BYTES - 8

/**
 * Replaces the end of a name that is too long by a hash, so that two names that begin alike stay distinct. Other names
 * stay as they are.
 */
export function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MOST_BYTES) return name
  return `${firstBytes(name, KEPT_BYTES)}_${createHash('md5').update(name).digest('hex').slice(-4)}`
}

/** Whether this may be the shortened form of a name with this beginning. */
export const mayBeShortened = (name: string, beginning: string): boolean =>
  /_[0-9a-f]{4}$/.test(name) &&
  Buffer.byteLength(name) > KEPT_BYTES - 3 &&
  firstBytes(name, KEPT_BYTES).startsWith(firstBytes(beginning, KEPT_BYTES))
