/** Which values of a column are null. There is no bitmap before the first null. */
export class Validity {
  #bits: Uint8Array<ArrayBuffer> | undefined
  #nulls = 0

  add(index: number): void {
    if (this.#bits === undefined) return
    this.#have(index)
    this.#bits[index >> 3] = (this.#bits[index >> 3] as number) | (1 << (index & 7))
  }

  addNull(index: number): void {
    this.#nulls++
    // All values before it were not null.
    this.#bits ??= ones(index)
    this.#have(index)
  }

  #have(index: number): void {
    const bits = this.#bits as Uint8Array<ArrayBuffer>
    if (index >> 3 < bits.length) return
    this.#bits = new Uint8Array(bits.length * 2)
    this.#bits.set(bits)
  }

  /** The null count and bitmap for Arrow's data, for this many values. Forgets them. */
  take(length: number): { nullCount: number; nullBitmap?: Uint8Array } {
    const nullCount = this.#nulls
    const bits = this.#bits
    this.#bits = undefined
    this.#nulls = 0
    return bits ? { nullCount, nullBitmap: bits.slice(0, (length + 7) >> 3) } : { nullCount }
  }
}

function ones(length: number): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array(Math.max(128, (length >> 3) + 1))
  bits.fill(0xff, 0, length >> 3)
  bits[length >> 3] = (1 << (length & 7)) - 1
  return bits
}
