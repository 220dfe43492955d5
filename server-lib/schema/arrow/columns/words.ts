import { AS_TEXT, Unrepresentable, type WriteWords } from './column.ts'

// Numbers arrive with the most significant byte first, and are written as words with the least significant word first.
// Eight bytes stay two words throughout, without a BigInt or a double.

const high = (bytes: Buffer, at: number): number =>
  ((bytes[at] as number) << 24) |
  ((bytes[at + 1] as number) << 16) |
  ((bytes[at + 2] as number) << 8) |
  (bytes[at + 3] as number)

export const write2: WriteWords = (out, index, bytes, at) => {
  out[index] = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

export const write4: WriteWords = (out, index, bytes, at) => {
  out[index] = high(bytes, at)
}

export const write8: WriteWords = (out, index, bytes, at) => {
  out[index] = high(bytes, at + 4)
  out[index + 1] = high(bytes, at)
}

/** What to do with an infinite date or time. */
export type OnInfinity = 'error' | 'null'

const MAX = 0x7fffffff
const MIN = -0x80000000

export const isInfinite4 = (bytes: Buffer, at: number): boolean => {
  const value = high(bytes, at)
  return value === MAX || value === MIN
}

export const isInfinite8 = (bytes: Buffer, at: number): boolean => {
  const top = high(bytes, at)
  const low = high(bytes, at + 4)
  return (top === MAX && low === -1) || (top === MIN && low === 0)
}

/** Months, days and microseconds all at the end of their range mean an infinite interval. */
export const isInfiniteInterval = (bytes: Buffer, at: number): boolean =>
  isInfinite8(bytes, at) && isInfinite4(bytes, at + 8) && isInfinite4(bytes, at + 12)

/** PostgreSQL counts from the year 2000, Arrow from 1970. */
const DAYS = 10_957
const MICROSECONDS = 946_684_800_000_000n
const SHIFT_LOW = Number(MICROSECONDS & 0xffff_ffffn)
const SHIFT_HIGH = Number(MICROSECONDS >> 32n)

export const writeDate: WriteWords = (out, index, bytes, at) => {
  out[index] = high(bytes, at) + DAYS
}

export const writeTimestamp: WriteWords = (out, index, bytes, at) => {
  const low = (high(bytes, at + 4) >>> 0) + SHIFT_LOW
  const top = high(bytes, at) + SHIFT_HIGH + (low > 0xffff_ffff ? 1 : 0)
  // Later than the year 294246; PostgreSQL's range goes 30 years further.
  if (top > MAX) throw new Unrepresentable('a time beyond the range of Arrow', AS_TEXT)
  out[index] = low | 0
  out[index + 1] = top
}

const DAY_HIGH = Number(86_400_000_000n >> 32n)
const DAY_LOW = Number(86_400_000_000n & 0xffff_ffffn) | 0

export const writeTime: WriteWords = (out, index, bytes, at) => {
  write8(out, index, bytes, at, 8)
  if (out[index + 1] === DAY_HIGH && out[index] === DAY_LOW)
    throw new Unrepresentable('24:00:00, which is no time of day in Arrow', AS_TEXT)
}

/** Arrow's order is months, days, nanoseconds; PostgreSQL sends microseconds, and sends them first. */
export const writeInterval: WriteWords = (out, index, bytes, at) => {
  const nanoseconds = bytes.readBigInt64BE(at) * 1000n
  if (nanoseconds !== BigInt.asIntN(64, nanoseconds))
    throw new Unrepresentable('an interval with more hours than Arrow can count in nanoseconds', AS_TEXT)
  out[index] = high(bytes, at + 12)
  out[index + 1] = high(bytes, at + 8)
  out[index + 2] = Number(BigInt.asIntN(32, nanoseconds))
  out[index + 3] = Number(nanoseconds >> 32n)
}
