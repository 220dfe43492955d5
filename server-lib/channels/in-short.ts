/** A text as a part of a sentence: on one line, and no longer than this. */
export function inShort(text: string, longest: number): string {
  const line = text
    .slice(0, 4 * longest)
    .replace(/\s+/g, ' ')
    .trim()
  const isWhole = text.length <= 4 * longest && line.length <= longest
  return isWhole ? line : `${line.slice(0, longest - 1)}…`
}
