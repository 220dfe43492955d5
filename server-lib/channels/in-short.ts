/** A text as part of a sentence: on one line, cut to `longest` characters. */
export function inShort(text: string, longest: number): string {
  const line = text
    .slice(0, 4 * longest)
    .replace(/\s+/g, ' ')
    .trim()
  const isWhole = text.length <= 4 * longest && line.length <= longest
  return isWhole ? line : `${line.slice(0, longest - 1)}…`
}
