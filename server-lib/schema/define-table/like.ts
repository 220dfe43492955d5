/** A text in which LIKE finds no wildcard: what a user types with a `%` or `_` in it is looked for as it is. */
export function literalPattern(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}
