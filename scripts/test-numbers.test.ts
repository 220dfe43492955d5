import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** The contract of borrowing was numbered before the faults were: R10 means another thing there. */
const BORROWING = 'server-lib/sharing/borrow.test.ts'

/** The numbers with which titles in a file begin, and those of the steps of `npm test`. */
const inTitles = (path: string) =>
  [...read(path).matchAll(/["'`]([RB]\d{1,2}) /g)].map(([, number]) => number)

const inList = (text: string | undefined) =>
  [...(text ?? '').matchAll(/^\| ([RB]\d+) +\|/gm)].map(([, number]) => number)

const files = execFileSync('git', ['ls-files', '*.test.ts', '*.test.tsx', '*.spec.ts'], {
  cwd: root,
  encoding: 'utf8',
})
const elsewhere = [...files.trim().split('\n'), 'scripts/test.js'].filter(path => path !== BORROWING)
const [, faults, borrowing, behaviours] = read('server-lib/testing/numbers.md').split('\n## ')

test('each number in a title is explained, and each that is explained is in a title', () => {
  expect([...new Set(elsewhere.flatMap(inTitles))].toSorted()).toEqual(
    [...inList(faults), ...inList(behaviours)].toSorted(),
  )
})

test('so are those of the contract of borrowing', () => {
  expect([...new Set(inTitles(BORROWING))].toSorted()).toEqual(inList(borrowing).toSorted())
})
