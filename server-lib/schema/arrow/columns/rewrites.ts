// What is text to us and has another binary form on the wire: needed inside of arrays, whose elements come in theirs.

export function uuidText(bytes: Buffer, at: number): Buffer {
  const hex = bytes.toString('hex', at, at + 16)
  return Buffer.from(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
  )
}

/** jsonb is its text behind a byte that says which version of the format it is. */
export function jsonbText(bytes: Buffer, at: number, length: number): Buffer {
  if (bytes[at] !== 1) throw new Error(`jsonb of version ${bytes[at]}`)
  return bytes.subarray(at + 1, at + length)
}
