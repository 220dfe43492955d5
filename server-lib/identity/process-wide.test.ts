import { expect, onTestFinished, test } from 'vitest'
import { processWide } from './process-wide.ts'

test('all copies have the first one’s value, and Jest cannot take its properties away between test files', () => {
  const key = Symbol.for('enginelight:of this test')
  onTestFinished(() => void Reflect.deleteProperty(globalThis, key))
  const counter = processWide('of this test', () => ({ count: 0 }))
  counter.count++
  expect(processWide('of this test', () => ({ count: 0 }))).toBe(counter)
  // Jest leaves alone what is not configurable.
  expect(Object.getOwnPropertyDescriptor(counter, 'count')).toEqual({
    value: 1,
    writable: true,
    enumerable: true,
    configurable: false,
  })
})
