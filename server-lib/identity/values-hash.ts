import { getRandomValues } from 'node:crypto'

/**
 * HalfSipHash-2-4 with a key that this process makes for itself and tells to nothing: a hash says whether values are
 * equal, and nothing of what they are.
 */
const key = getRandomValues(new Int32Array(2))
const [KEY_0, KEY_1] = key as unknown as [number, number]

/** Longer values are not read: a hash must not cost more than the message it is for. */
const WORDS_READ = 1_024
const DEEPEST = 4

let v0 = 0
let v1 = 0
let v2 = 0
let v3 = 0
let words = 0

const float = new Float64Array(1)
const halves = new Int32Array(float.buffer)

/**
 * The hash of these values, from 0 to 2³¹ - 1: the same for the same values in this process. Null where a value has no
 * plain form (an object, whose own code would have to run), or where they are too long.
 */
export function valuesHash(values: readonly unknown[]): number | null {
  v0 = KEY_0
  v1 = KEY_1
  v2 = 0x6c796765 ^ KEY_0
  v3 = 0x74656462 ^ KEY_1
  words = 0
  try {
    if (!addList(values, 0)) return null
  } catch {
    // A proxy, or an object that only looks like a date.
    return null
  }
  add(words)
  v2 ^= 0xff
  for (let i = 0; i < 4; i++) round()
  return (v1 ^ v3) & 0x7fffffff
}

function round(): void {
  v0 = (v0 + v1) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v0 = (v0 << 16) | (v0 >>> 16)
  v2 = (v2 + v3) | 0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (v0 + v3) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v2 = (v2 + v1) | 0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
}

function add(word: number): void {
  words++
  v3 ^= word
  round()
  round()
  v0 ^= word
}

/** Each value begins with a word for its type and length, so that `['ab', 'c']` is not `['a', 'bc']`. */
const begin = (type: number, length = 0) => add((length << 4) | type)

function addList(values: readonly unknown[], depth: number): boolean {
  const { length } = values
  begin(1, length)
  for (let i = 0; i < length; i++) if (!addValue(values[i], depth)) return false
  return true
}

/** Returns false for what cannot be compared. */
function addValue(value: unknown, depth: number): boolean {
  if (words > WORDS_READ) return false
  switch (typeof value) {
    case 'string':
      return addText(2, value)
    case 'number':
      if (value === (value | 0)) begin(3)
      else begin(4)
      return addNumber(value)
    case 'bigint':
      return addText(5, value.toString(36))
    case 'boolean':
      begin(value ? 6 : 7)
      return true
    case 'undefined':
      begin(8)
      return true
    default:
      // The server gets NULL for both.
      if (value === null) return addValue(undefined, depth)
      return typeof value === 'object' && addObject(value, depth)
  }
}

function addObject(value: object, depth: number): boolean {
  if (Array.isArray(value)) return depth < DEEPEST && addList(value, depth + 1)
  if (value instanceof Uint8Array) return addBytes(value)
  if (!(value instanceof Date)) return false
  begin(9)
  return addNumber(Date.prototype.getTime.call(value))
}

function addNumber(value: number): boolean {
  if (value === (value | 0)) {
    add(value)
    return true
  }
  float[0] = value
  add(halves[0]!)
  add(halves[1]!)
  return true
}

function addText(type: number, text: string): boolean {
  const { length } = text
  if (length > 2 * WORDS_READ) return false
  begin(type, length)
  for (let i = 0; i < length; i += 2)
    add(text.charCodeAt(i) | (i + 1 < length ? text.charCodeAt(i + 1) << 16 : 0))
  return true
}

function addBytes(bytes: Uint8Array): boolean {
  const { length } = bytes
  if (length > 4 * WORDS_READ) return false
  begin(10, length)
  for (let i = 0; i < length; i += 4)
    add(bytes[i]! | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24))
  return true
}
