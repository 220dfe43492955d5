/** Escapes a text so that LIKE finds no wildcard in it: a `%` or `_` that a user types stands for itself. */
export function literalPattern(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}
