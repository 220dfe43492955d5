import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FINDING_KINDS, TROUBLES } from '../model/finding.ts'

const pageOf = (kind: string) => {
  const name = kind.replace('+', ' plus ').replaceAll(' ', '-')
  return new URL(`../../docs/findings/${name}.md`, import.meta.url)
}

test.each(FINDING_KINDS)('%s has a page that says what it means, how to see it, and how to mend it', kind => {
  const page = pageOf(kind)
  expect(existsSync(page), page.pathname).toBe(true)
  const text = readFileSync(page, 'utf8')
  expect(text).toMatch(/^# .+\n\n\S.+\n\n\*\*How to see it\.\*\* \S.+\n\n\*\*How to mend it\.\*\* \S/)
})

test('a trouble is a kind, and told before what only costs time', () => {
  const places = TROUBLES.map(kind => FINDING_KINDS.indexOf(kind))
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(FINDING_KINDS.indexOf('overdue')).toBeGreaterThan(Math.max(...places))
})
