import { afterEach, expect, test, vi } from 'vitest'
import { drawn, json, screenOf, table, text, visible, wrapped } from './screen.ts'

afterEach(() => vi.unstubAllEnvs())

const plain = { width: 80, hasColors: false }

test.each([
  ['\u001B[31mred\u001B]0;title\u0007', '\\u001b[31mred\\u001b]0;title\\u0007'],
  ['\u009B31m', '\\u009b31m'],
  ['a\r\nb\tc', 'a\\u000d↵b→c'],
  ['safe\u202Eevas', 'safe\\u202eevas'],
  ['zero\u200Bwidth\uFEFF', 'zero\\u200bwidth\\ufeff'],
  ['Größe ✓ 数', 'Größe ✓ 数'],
])('what a terminal would obey is shown: %j', (given, shown) => {
  expect(visible(given)).toBe(shown)
  const value = JSON.parse(json({ given }))
  expect(value).toEqual({ given })
  expect(json({ given })).not.toMatch(/[\u0080-\u009F\u202E\u200B]/)
  for (const block of [text(given), table([given], [{ cells: [given], below: [given] }])])
    expect(
      drawn([block], { ...plain, hasColors: true })
        .replaceAll('\u001B[2m', '')
        .replaceAll('\u001B[0m', ''),
    ).not.toMatch(
      // oxlint-disable-next-line no-control-regex
      /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/,
    )
})

test('a table fits the width, and says where a cell was cut', () => {
  const rows = [
    { cells: ['0', 'c1', '20551', 'x'.repeat(120), 'y'.repeat(90)], below: ['at src/orders.ts:41'] },
  ]
  const lines = drawn([table(['slot', 'connection', 'pid', 'holder', 'state'], rows)], plain).split('\n')
  expect(Math.max(...lines.map(line => line.length))).toBe(80)
  expect(lines[1]).toMatch(/^0 {5}c1 {10}20551 {2}x+… {2}y+…$/)
  expect(lines[2]).toBe('  at src/orders.ts:41')
})

test('sentences wrap at words, and a path stays in one piece', () => {
  expect(wrapped('one two three', 7)).toEqual(['one two', 'three'])
  expect(wrapped(`at ${'/long'.repeat(9)}`, 10)).toEqual(['at', '/long'.repeat(9)])
  expect(wrapped('', 10)).toEqual([''])
  expect(drawn([text('four words and more', 'plain', 2)], { ...plain, width: 12 })).toBe(
    '  four words\n  and more',
  )
})

test('colours are for terminals that want them', () => {
  vi.stubEnv('NO_COLOR', '')
  vi.stubEnv('TERM', 'xterm')
  const terminal = { isTTY: true, columns: 120 }
  expect(screenOf(terminal)).toEqual({ width: 120, hasColors: true })
  expect(screenOf({ isTTY: false, columns: 0 })).toEqual({ width: 80, hasColors: false })
  vi.stubEnv('NO_COLOR', '1')
  expect(screenOf(terminal).hasColors).toBe(false)
  expect(drawn([text('x', 'bad')], { ...plain, hasColors: true })).toBe('\u001B[31mx\u001B[0m')
  expect(drawn([text('x', 'bad')], plain)).toBe('x')
})
