import { afterEach, expect, test, vi } from 'vitest'
import { Seeded, seedFromEnv } from './seeded.ts'

afterEach(() => vi.unstubAllEnvs())

const draws = (chance: Seeded) => Array.from({ length: 1_000 }, () => chance.between(1, 6))

test('a seed gives the same draws each time, evenly spread, and another seed others', () => {
  const first = draws(new Seeded(7))
  expect(draws(new Seeded(7))).toEqual(first)
  expect(draws(new Seeded(8))).not.toEqual(first)
  for (let face = 1; face <= 6; face++) expect(first.filter(one => one === face).length).toBeGreaterThan(120)
  expect(Math.max(...first)).toBe(6)
})

test('what one fork draws changes nothing for another', () => {
  const forks = (idle: number) => {
    const chance = new Seeded(7)
    const [first, second] = [chance.fork(), chance.fork()]
    for (let n = 0; n < idle; n++) first.next()
    return draws(second)
  }
  expect(forks(0)).toEqual(forks(10))
})

test('a seed is taken from the environment as a failure prints it', () => {
  vi.stubEnv('ENGINELIGHT_SEED', '')
  expect(seedFromEnv()).toBeUndefined()
  vi.stubEnv('ENGINELIGHT_SEED', '125')
  expect(seedFromEnv()).toEqual({ seed: 125, path: undefined })
  vi.stubEnv('ENGINELIGHT_SEED', '-3:0:1:22')
  expect(seedFromEnv()).toEqual({ seed: -3, path: '0:1:22' })
  vi.stubEnv('ENGINELIGHT_SEED', 'x')
  expect(() => seedFromEnv()).toThrow('ENGINELIGHT_SEED is x')
})
