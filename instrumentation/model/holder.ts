import * as words from '../../server-lib/channels/words.ts'
import { count, flag, id, ms, orNull, word, type Facts } from './column.ts'

/** A holder of a connection at the moment when another check-out failed. */
export const HOLDER = {
  slot: count,
  connection: id,
  backendPid: orNull(count),
  request: orNull(id),
  requestLabel: orNull(id),
  heldMs: ms,
  site: orNull(id),
  /** False where the line was not captured. */
  isLineTaken: flag,
  state: word(words.HOLDER_STATES),
  stateMs: ms,
  /** What it is held for by design: `listens on jobs`. */
  keptFor: orNull(id),
}
export type HolderFacts = Facts<typeof HOLDER>
