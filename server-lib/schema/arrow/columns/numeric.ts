import { AS_TEXT, Unrepresentable, type WriteWords } from './column.ts'

// On the wire: the number of base-10,000 digits, the power of 10,000 of the first one, the sign, and the number of
// decimal digits after the point; then the digits, 16 bits each. Digits that are not sent are zero.

const NEGATIVE = 0x4000
const SPECIAL: Record<number, string> = { 0xc000: 'NaN', 0xd000: 'Infinity', 0xf000: '-Infinity' }
const HEADER = 8

const POWERS = Array.from({ length: 16 }, (_, power) => 10 ** power)
/** A double is exact for all integers up to this. */
const EXACT = Number.MAX_SAFE_INTEGER

/** A writer of decimals as integers of `bits` bits in units of 10^-`scale`. */
export function decimalWriter(precision: number, scale: number, bits: 128 | 256): WriteWords {
  const words = bits / 32
  const limit = 10n ** BigInt(precision)
  const smallLimit = precision <= 15 ? (POWERS[precision] as number) : Infinity
  return (out, index, bytes, at) => {
    const digits = bytes.readInt16BE(at)
    const weight = bytes.readInt16BE(at + 2)
    const sign = bytes.readUInt16BE(at + 4)
    const special = SPECIAL[sign]
    if (special) throw new Unrepresentable(`${special}, which no Arrow decimal can say`, AS_TEXT)
    /** The power of ten of the last digit sent, in units of the column's scale. */
    const shift = 4 * (weight - digits + 1) + scale
    let value = digits <= 4 && shift > -4 ? 0 : Infinity
    for (let digit = 0; digit < digits && value <= EXACT; digit++)
      value = value * 10_000 + bytes.readInt16BE(at + HEADER + 2 * digit)
    if (value <= EXACT && shift < 0) value /= POWERS[-shift] as number
    else if (value > 0 && shift > 0) value = shift < 16 ? value * (POWERS[shift] as number) : Infinity
    if (value > EXACT || !Number.isInteger(value)) {
      return writeBig(out, index, words, within(wide(bytes, at, digits, shift), limit), sign === NEGATIVE)
    }
    if (value >= smallLimit) throw tooLarge()
    if (sign === NEGATIVE) value = -value
    const top = Math.floor(value / 0x1_0000_0000)
    out[index] = (value - top * 0x1_0000_0000) | 0
    out[index + 1] = top
    const rest = value < 0 ? -1 : 0
    for (let word = 2; word < words; word++) out[index + word] = rest
  }
}

const tooLarge = () =>
  new Unrepresentable(
    'a number with more digits than its decimal type has',
    `ask for a wider one, or ${AS_TEXT}`,
  )

function within(value: bigint, limit: bigint): bigint {
  if (value >= limit) throw tooLarge()
  return value
}

function wide(bytes: Buffer, at: number, digits: number, shift: number): bigint {
  let value = 0n
  for (let digit = 0; digit < digits; digit++)
    value = value * 10_000n + BigInt(bytes.readInt16BE(at + HEADER + 2 * digit))
  if (shift >= 0) return value * 10n ** BigInt(shift)
  const divisor = 10n ** BigInt(-shift)
  if (value % divisor !== 0n)
    throw new Unrepresentable(
      'a number with more digits after the point than its decimal type has',
      `ask for a larger scale, round it in the query, or ${AS_TEXT}`,
    )
  return value / divisor
}

function writeBig(
  out: Int16Array | Int32Array,
  index: number,
  words: number,
  value: bigint,
  isNegative: boolean,
): void {
  let rest = isNegative ? -value : value
  for (let word = 0; word < words; word++) {
    out[index + word] = Number(BigInt.asIntN(32, rest))
    rest >>= 32n
  }
}

/** A numeric as PostgreSQL writes it. Needed only inside arrays: elsewhere the server sends the text itself. */
export function numericText(bytes: Buffer, at: number): Buffer {
  const digits = bytes.readInt16BE(at)
  const weight = bytes.readInt16BE(at + 2)
  const sign = bytes.readUInt16BE(at + 4)
  const scale = bytes.readInt16BE(at + 6)
  const special = SPECIAL[sign]
  if (special) return Buffer.from(special)
  const digitAt = (power: number) => {
    const index = weight - power
    return index >= 0 && index < digits ? bytes.readInt16BE(at + HEADER + 2 * index) : 0
  }
  let whole = ''
  for (let power = weight; power >= 0; power--) whole += String(digitAt(power)).padStart(4, '0')
  let fraction = ''
  for (let power = -1; fraction.length < scale; power--) fraction += String(digitAt(power)).padStart(4, '0')
  const text = whole.replace(/^0+/, '') || '0'
  return Buffer.from(
    `${sign === NEGATIVE ? '-' : ''}${text}${scale > 0 ? `.${fraction.slice(0, scale)}` : ''}`,
  )
}
