import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { LADDER } from './ladder.js'

const root = join(import.meta.dirname, '..')
const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n')
const names = new Set(files.map(path => basename(path)))
const folders = [
  'server-lib',
  'instrumentation',
  'panel-ui',
  'cli',
  'examples',
  'e2e',
  'bench',
  'scripts',
  'docs',
]
const PATHS = new RegExp(`(?:${folders.join('|')})(?:/[\\w.-]*[\\w-])+|[\\w.-]+\\.(?:tsx?|js|md|sql)\\b`, 'g')

/** What a page names: paths from the root, and files by their names alone. */
const namedIn = (page: string) => readFileSync(join(root, page), 'utf8').match(PATHS) ?? []

test.each(['CONTRIBUTING.md', 'docs/architecture.md'])('what %s names is there', page => {
  const named = namedIn(page)
  expect(named.length).toBeGreaterThan(10)
  expect(
    named.filter(path => !(path.includes('/') ? existsSync(join(root, path)) : names.has(path))),
  ).toEqual([])
})

test('CONTRIBUTING.md explains each room of the ladder, in its order', () => {
  const [, ladder = ''] = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').split('| room ')
  const rows = [...(ladder.split('\n\n')[0] ?? '').matchAll(/^\| `([\w-]+)` +\| \S/gm)].map(
    ([, room]) => room,
  )
  expect(rows).toEqual([...LADDER.filter(room => !room.endsWith('.ts')), 'testing', 'scenarios'])
})
