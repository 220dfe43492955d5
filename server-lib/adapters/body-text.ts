import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'

/** How much of a body is read, compressed or not. A longer body counts as saying nothing. */
const MOST_BYTES = 8 * 1_048_576

const UNPACK = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const

/** The text of a held body, from its written parts; undefined where it cannot be read. */
export async function bodyText(
  parts: readonly (readonly unknown[])[],
  encoding: unknown,
): Promise<string | undefined> {
  let length = 0
  const bytes: Uint8Array[] = []
  for (const [chunk, charset] of parts) {
    const part =
      typeof chunk === 'string'
        ? Buffer.from(chunk, typeof charset === 'string' ? (charset as BufferEncoding) : 'utf8')
        : chunk
    if (!(part instanceof Uint8Array)) continue
    length += part.length
    if (length > MOST_BYTES) return undefined
    bytes.push(part)
  }
  const whole = Buffer.concat(bytes)
  if (encoding === undefined || encoding === 'identity') return whole.toString()
  if (typeof encoding !== 'string' || !Object.hasOwn(UNPACK, encoding)) return undefined
  const unpack = UNPACK[encoding as keyof typeof UNPACK]
  const unpacked = await unpack(whole, { maxOutputLength: MOST_BYTES }).catch(() => undefined)
  return unpacked?.toString()
}
