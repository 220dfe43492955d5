import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile, cp, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { againstTheLadder, circles, importedBy, importsOf, LADDER } from './ladder.js'

const root = join(import.meta.dirname, '..')

describe('the ladder of rooms', () => {
  const files = execFileSync('git', ['ls-files', '*.ts', '*.tsx'], { cwd: root, encoding: 'utf8' })
  const imports = importsOf(
    files.split('\n').filter(path => /^(server-lib|instrumentation|panel-ui|cli)\//.test(path)),
  )

  test('no import goes against it, types included', async () => {
    const wrong = (await imports).map(([from, to]) => againstTheLadder(from, to))
    expect(wrong.filter(reason => reason !== undefined)).toEqual([])
  })

  test('each room of server-lib has its place in it', async () => {
    const rooms = new Set(
      (await imports)
        .flat()
        .filter(path => path.startsWith('server-lib/'))
        .map(path => path.split('/')[1]),
    )
    const known = new Set([...LADDER, 'testing', 'scenarios'])
    expect([...rooms].filter(room => room === undefined || !known.has(room))).toEqual([
      'declarations.test.ts',
      'index.test-d.ts',
    ])
  })

  test('no files import each other in a circle, types included', async () => {
    expect(circles(await imports)).toEqual([])
  })

  test('a circle is found', () => {
    expect(
      circles([
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a'],
        ['c', 'd'],
      ]),
    ).toEqual([['a', 'b', 'c']])
  })

  test.each([
    ['server-lib/pool/x.ts', `import type { Engine } from '../engines/engine.ts'`],
    ['server-lib/pool/x.ts', `export { Engine } from '../engines/engine.ts'`],
    ['server-lib/pool/x.ts', `const engine = await import('../engines/engine.ts')`],
    ['server-lib/pool/x.ts', `type Engine = import('../engines/engine.ts').Engine`],
    ['server-lib/channels/x.ts', `import { SessionCore } from '../sessions/session.ts'`],
    ['server-lib/sessions/x.ts', `import { texts } from '../postgres/control.ts'`],
    ['server-lib/engine-set/x.ts', `import type { PgClient } from '../postgres/driver.ts'`],
    [
      'instrumentation/otel/x.ts',
      `import { statementText } from '../../server-lib/postgres/statement-text.ts'`,
    ],
    ['server-lib/index.ts', `export { node } from './adapters/node.ts'`],
    ['server-lib/run/x.ts', `import { latch } from '../testing/latch.ts'`],
    ['server-lib/run/x.ts', `import { panel } from '../../instrumentation/panel/index.ts'`],
    ['instrumentation/model/x.ts', `import type { Site } from '../../server-lib/channels/index.ts'`],
    ['instrumentation/model/x.ts', `import { verdictOf } from '../findings/verdict.ts'`],
    ['instrumentation/otel/x.ts', `import { panel } from '../panel/index.ts'`],
    ['instrumentation/otel/x.ts', `import { Engine } from '../../server-lib/engines/engine.ts'`],
    ['panel-ui/views/x.tsx', `import { panel } from '../../instrumentation/panel/index.ts'`],
    ['cli/x.ts', `import { Engine } from '../server-lib/engines/engine.ts'`],
  ])('%s must not say %s', (from, text) => {
    const [to] = importedBy(from, text)
    expect(againstTheLadder(from, to as string)).toContain(from)
  })
})

describe('the linter says which packages a folder may not know', () => {
  test.each([
    ['server-lib/engines/x.ts', `import { trace } from '@opentelemetry/api'`, /knows no observer/],
    ['server-lib/sessions/x.ts', `import express from 'express'`, /frameworks only in adapters/],
    ['instrumentation/panel/x.ts', `import { trace } from '@opentelemetry/api'`, /do not know each other/],
    ['panel-ui/x.ts', `import { readFile } from 'node:fs/promises'`, /runs in a browser/],
  ])('%s: %s', async (path, text, reason) => {
    const folder = await mkdtemp(join(tmpdir(), 'enginelight-linted-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await cp(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
    const oxlint = join(root, 'node_modules/.bin/oxlint')
    const { stdout } = await promisify(execFile)(oxlint, [path], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    )
    expect(stdout).toMatch(reason)
  })
})
