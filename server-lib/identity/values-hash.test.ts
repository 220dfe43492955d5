import { expect, test } from 'vitest'
import { valuesHash } from './values-hash.ts'

const DIFFERENT: unknown[][] = [
  [],
  [null],
  [null, null],
  [0],
  [1],
  [1, 2],
  [2, 1],
  [1.5],
  [2 ** 40],
  [-1],
  [NaN],
  [''],
  ['a'],
  ['ab'],
  ['a', 'b'],
  ['ab', ''],
  ['', 'ab'],
  ['abc'],
  ['abd'],
  [true],
  [false],
  [10n],
  [new Date(5)],
  [5],
  [new Uint8Array([1, 2, 3])],
  [new Uint8Array([1, 2, 3, 0])],
  [Buffer.from('xyz')],
  [[1, 2]],
  [[[1], 2]],
  ['x'.repeat(2_000)],
  ['ü'],
]

test('the same values have the same hash, and different ones another', () => {
  const hashes = DIFFERENT.map(valuesHash)
  expect(hashes).toEqual(DIFFERENT.map(values => valuesHash([...values])))
  expect(new Set(hashes).size).toBe(DIFFERENT.length)
  for (const hash of hashes)
    expect(hash).toSatisfy((n: number) => Number.isInteger(n) && n >= 0 && n < 2 ** 31)
  expect(valuesHash([undefined])).toBe(valuesHash([null]))
})

test('of 20,000 different values next to none have the same', () => {
  const hashes = new Set(Array.from({ length: 20_000 }, (_, i) => valuesHash([i, `user-${i}`])))
  expect(hashes.size).toBeGreaterThan(19_990)
})

test.each<[string, unknown]>([
  ['an object', { a: 1 }],
  [
    'one that sends itself',
    {
      toPostgres: () => {
        throw new Error('called')
      },
    },
  ],
  [
    'a proxy',
    new Proxy([], {
      get: () => {
        throw new Error('called')
      },
    }),
  ],
  ['a function', () => {}],
  ['a symbol', Symbol('a')],
  ['a long text', 'x'.repeat(5_000)],
  ['many bytes', new Uint8Array(100_000)],
  ['what is too deep', [[[[[[1]]]]]]],
  ['a broken date', Object.create(Date.prototype)],
])('%s is not compared, and none of its code runs', (_, value) => {
  expect(valuesHash([1, value])).toBeNull()
})
