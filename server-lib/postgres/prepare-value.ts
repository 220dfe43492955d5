import { loadPeer } from '../identity/peers.ts'

/** What pg would send for a value: a text, bytes, or null. Of pg's own file: only a newer one has it in what it exports. */
export function prepareValue(value: unknown): string | Buffer | null {
  const utils = loadPeer('pg/lib/utils.js') as {
    prepareValue(value: unknown): string | Buffer | null | undefined
  }
  return utils.prepareValue(value) ?? null
}
