/** The longest name that PostgreSQL keeps, in bytes. It cuts longer ones off, and says so only in a notice. */
export const MOST_BYTES = 63

/** A name as PostgreSQL keeps it. */
export function keptName(name: string): string {
  return Buffer.byteLength(name) <= MOST_BYTES ? name : firstBytes(name, MOST_BYTES)
}

/** The leading whole characters that fit. */
export function firstBytes(text: string, bytes: number): string {
  let kept = ''
  for (const character of text) {
    if (Buffer.byteLength(kept + character) > bytes) break
    kept += character
  }
  return kept
}
