/** How a column is sent: `0` as text, `1` in the type's binary form. */
export type WireFormat = 0 | 1

/** A parameter as pg prepares it for sending: a text, bytes, or null. */
export type PreparedValue = string | Uint8Array | null

/**
 * Bind, from the unnamed statement to the unnamed portal, with a format for each column of the result. pg's own message
 * has one format for all columns, but an unknown type has no binary form that we could read.
 */
export function bindMessage(
  values: readonly PreparedValue[],
  formats: readonly WireFormat[],
): Buffer<ArrayBuffer> {
  const parameters = values.map(value => (typeof value === 'string' ? Buffer.from(value) : value))
  const size = parameters.reduce((sum, value) => sum + 4 + (value?.length ?? 0), 0)
  const length = 4 + 2 + (2 + 2 * values.length) + (2 + size) + (2 + 2 * formats.length)
  const bytes = Buffer.alloc(1 + length)
  let at = bytes.write('B')
  at = bytes.writeInt32BE(length, at)
  // The empty names of portal and statement.
  at += 2
  at = bytes.writeUInt16BE(values.length, at)
  for (const value of values) at = bytes.writeInt16BE(value instanceof Uint8Array ? 1 : 0, at)
  at = bytes.writeUInt16BE(values.length, at)
  for (const value of parameters) {
    at = bytes.writeInt32BE(value ? value.length : -1, at)
    if (!value) continue
    bytes.set(value, at)
    at += value.length
  }
  at = bytes.writeUInt16BE(formats.length, at)
  for (const format of formats) at = bytes.writeInt16BE(format, at)
  return bytes
}
