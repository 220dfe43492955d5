import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { COMMANDS } from './command-line.ts'
import { FINDING_KINDS } from '../instrumentation/model/finding.ts'
import { dashed } from './panel/findings.ts'
import { USAGE } from './usage.ts'

const page = readFileSync(new URL('../docs/command-line.md', import.meta.url), 'utf8')
const commands = Object.keys(COMMANDS)
const options = new Set(Object.values(COMMANDS).flatMap(command => command.options as readonly string[]))

const matches = (text: string, pattern: RegExp) =>
  new Set([...text.matchAll(pattern)].map(([, found]) => found))

test('the usage names each command with its operand, and no other', () => {
  const usage = [...USAGE.matchAll(/^enginelight (\w+)(?: <(\w+)>)?/gm)].map(([, name, operand]) => [
    name,
    operand ?? null,
  ])
  expect(usage).toEqual(Object.entries(COMMANDS).map(([name, { operand }]) => [name, operand]))
})

test('the usage names each option, and no other', () => {
  expect(matches(USAGE, /^ {2}--([\w-]+)/gm)).toEqual(new Set([...options, 'json', 'help']))
})

test('the manual names each command, and explains the JSON of each that looks at a process', () => {
  expect(matches(page, /enginelight (\w+)/g)).toEqual(new Set(commands))
  const ofPanel = Object.entries(COMMANDS).filter(([, command]) =>
    (command.options as readonly string[]).includes('url'),
  )
  expect(matches(page.split('| command ')[1] ?? '', /^\| `(\w+)`/gm)).toEqual(
    new Set(ofPanel.map(([name]) => name)),
  )
})

test('the manual names no option and no exit code that there is not', () => {
  for (const option of matches(page, /`(?:enginelight [\w ]+)?--([\w-]+)/g))
    expect([...options, 'json']).toContain(option)
  const codes = matches(USAGE.split('Exit codes:')[1] ?? '', /\b(\d) [a-z]/g)
  expect(matches(page, /^\| (\d) /gm)).toEqual(codes)
})

test('each kind of finding has a word without blanks, and no two the same', () => {
  const words = FINDING_KINDS.map(dashed)
  expect(new Set(words).size).toBe(FINDING_KINDS.length)
  for (const word of words) expect(word).toMatch(/^[\w+-]+$/)
})
