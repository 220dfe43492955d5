import { expect, test } from 'vitest'
import { BoundedMap } from './bounded-map.ts'

for (const [name, limit, count] of [
  ['few', 10, 30],
  ['many', 100, 300],
] as const) {
  test(`of ${name} entries the oldest gives way, and each can be taken once`, () => {
    const evicted: number[] = []
    const map = new BoundedMap<number>(limit, value => void evicted.push(value))
    for (let n = 0; n < count; n++) map.set(`q${n}`, n)
    expect([map.size, evicted.length, evicted.at(-1)]).toEqual([limit, count - limit, count - limit - 1])
    map.set(`q${count - 1}`, -1)
    expect([map.size, map.get(`q${count - 1}`), map.get('q0')]).toEqual([limit, -1, undefined])
    const middle = count - limit / 2
    expect([map.take(`q${middle}`), map.take(`q${middle}`), map.size]).toEqual([middle, undefined, limit - 1])
    const values = map.values()
    expect([values[0], values.at(-1), values.includes(middle)]).toEqual([count - limit, -1, false])
    expect([map.find(value => value > middle), map.some(value => value === middle)]).toEqual([
      middle + 1,
      false,
    ])
    expect([map.count(value => value >= 0), map.some(value => value === -1)]).toEqual([limit - 2, true])
    expect(map.drain()).toEqual(values.toReversed())
    expect([map.size, map.values(), map.get(`q${count - 1}`)]).toEqual([0, [], undefined])
  })
}

test('after many it is a row of few again, in the order of coming', () => {
  const map = new BoundedMap<number>(1_000)
  for (let n = 0; n < 200; n++) map.set(`q${n}`, n)
  for (let n = 0; n < 200; n++) expect(map.take(`q${n}`)).toBe(n)
  for (const n of [3, 1, 2]) map.set(`q${n}`, n)
  expect([map.take('q1'), map.values(), map.drain()]).toEqual([1, [3, 2], [2, 3]])
})
