// Types that we read as text but that have another binary form. Needed only inside arrays, whose elements come in
// theirs.

export function uuidText(bytes: Buffer, at: number): Buffer {
  const hex = bytes.toString('hex', at, at + 16)
  return Buffer.from(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
  )
}

/** jsonb is its text after a byte with the format's version. */
export function jsonbText(bytes: Buffer, at: number, length: number): Buffer {
  if (bytes[at] !== 1) throw new Error(`jsonb of version ${bytes[at]}`)
  return bytes.subarray(at + 1, at + length)
}
