/** Chance that can be repeated: the same seed gives the same draws. Mulberry32: small, fast, good enough to choose faults. */
export class Seeded {
  readonly seed: number
  #state: number

  constructor(seed: number) {
    this.seed = seed
    this.#state = seed | 0
  }

  /** From 0 up to, and never, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number from `from` to `to`, both possible. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  chance(of: number): boolean {
    return this.next() < of
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new Error('There is nothing to pick from.')
    return choices[this.between(0, choices.length - 1)] as T
  }

  /** Chance of its own for one of many that run at once: who draws first must not change what the others draw. */
  fork(): Seeded {
    return new Seeded(Math.floor(this.next() * 4_294_967_296))
  }
}

/** `ENGINELIGHT_SEED=<seed>` or `<seed>:<path>`, as a failure prints it; undefined where it is not set. */
export function seedFromEnv(): { seed: number; path: string | undefined } | undefined {
  const given = process.env.ENGINELIGHT_SEED
  if (!given) return undefined
  const match = /^(-?\d+)(?::([\d:]+))?$/.exec(given)
  if (!match) throw new Error(`ENGINELIGHT_SEED is ${given}; it must be <seed> or <seed>:<path>.`)
  return { seed: Number(match[1]), path: match[2] }
}

export const freshSeed = (): number => Math.floor(Math.random() * 2_147_483_647)

/** Whether the long variants run: `npm run test:long`. */
export const isLong = process.env.ENGINELIGHT_LONG === '1'
