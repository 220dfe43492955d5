/** The longest name that PostgreSQL keeps, in bytes. Longer ones it cuts off, and says so in a notice that nobody reads. */
export const MOST_BYTES = 63

/** A name as PostgreSQL keeps it. */
export function keptName(name: string): string {
  return Buffer.byteLength(name) <= MOST_BYTES ? name : firstBytes(name, MOST_BYTES)
}

/** Whole characters only. */
export function firstBytes(text: string, bytes: number): string {
  let kept = ''
  for (const character of text) {
    if (Buffer.byteLength(kept + character) > bytes) break
    kept += character
  }
  return kept
}
