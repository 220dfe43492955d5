/**
 * Random numbers that are the same in each run, by mulberry32.
 *
 * @param {number} seed
 */
export function createRandom(seed) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    /** A whole number from 1 to `most`. @param {number} most */
    upTo: most => 1 + Math.floor(next() * most),
    /** One of a list. @template T @param {readonly [T, ...T[]]} list */
    oneOf: list => list[Math.floor(next() * list.length)] ?? list[0],
  }
}
