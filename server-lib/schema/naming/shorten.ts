import { createHash } from 'node:crypto'
import { firstBytes, MOST_BYTES } from '../kept-name.ts'

/** What is left of a long name, in bytes; then comes an underscore and a piece of its hash. As SQLAlchemy has it. */
const KEPT_BYTES = MOST_BYTES - 8

/** A name that is too long, with its end replaced by a hash: two names that begin alike stay two. Others as they are. */
export function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MOST_BYTES) return name
  return `${firstBytes(name, KEPT_BYTES)}_${createHash('md5').update(name).digest('hex').slice(-4)}`
}

/** Whether a name may have been shortened, of one that began like this. */
export const mayBeShortened = (name: string, beginning: string): boolean =>
  /_[0-9a-f]{4}$/.test(name) &&
  Buffer.byteLength(name) > KEPT_BYTES - 3 &&
  firstBytes(name, KEPT_BYTES).startsWith(firstBytes(beginning, KEPT_BYTES))
