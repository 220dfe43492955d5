/**
 * Plain values out of messages. A recorder must hold no object of the application and fail on none. So a value of an
 * unexpected type becomes text or is left out, and long texts are copied, not sliced.
 */
const ID_LENGTH = 200

export function id(value: unknown): string {
  const text = typeof value === 'string' ? value : String(value)
  return text.length <= ID_LENGTH ? text : copyOf(`${text.slice(0, ID_LENGTH)}…`)
}

/** Milliseconds, to the microsecond: more digits only lengthen each row. */
export function ms(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.round(value * 1000) / 1000 : 0
}

export function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

/** The same characters in memory of their own: V8 keeps a whole string alive for a slice of it. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString()
}
