import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const exec = promisify(execFile)
const root = join(import.meta.dirname, '..')
let copy: string

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'enginelight-arrows-'))
  for (const name of [
    'server-lib',
    'instrumentation',
    'cli',
    'panel-ui',
    'scripts/postgres',
    'tsconfig.json',
    '.oxlintrc.json',
    'package.json',
  ]) {
    await cp(join(root, name), join(copy, name), {
      recursive: true,
      filter: path => !/\.(test|test-d)\.tsx?$/.test(path),
    })
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  await writeFile(join(copy, '.gitignore'), 'node_modules\n')
})
afterAll(() => rm(copy, { recursive: true, force: true }))

const output = async (running: Promise<{ stdout: string; stderr: string }>): Promise<string> => {
  try {
    const { stdout, stderr } = await running
    return stdout + stderr
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return stdout + stderr
  }
}
const bin = (name: string) => join(root, 'node_modules/.bin', name)
const build = (project: string) => output(exec(bin('tsc'), ['-b', project], { cwd: copy }))
const lint = (file: string) => output(exec(bin('oxlint'), [file], { cwd: copy }))

describe('an import against the arrows fails the build', () => {
  test('without one the copy builds', async () => {
    expect(await build('instrumentation')).not.toMatch(/error TS/)
  })

  test.each([
    ['server-lib', 'against.ts', `export { panel } from '../instrumentation/panel/index.ts'\n`],
    ['panel-ui', 'against.ts', `export { panel } from '../instrumentation/panel/index.ts'\n`],
    ['cli', 'against.ts', `export { panel } from '../instrumentation/panel/index.ts'\n`],
    ['panel-ui', 'against.ts', `export { createEngines } from '../server-lib/index.ts'\n`],
    ['panel-ui', 'against.ts', `export { readFile } from 'node:fs/promises'\n`],
  ])('%s: %s', async (folder, name, text) => {
    const file = join(copy, folder, name)
    await writeFile(file, text)
    try {
      expect(await build(folder)).toMatch(/error TS(6059|6307|2307|2591)/)
    } finally {
      await rm(file)
    }
  })

  test.each([
    [
      'server-lib/engines/against.ts',
      `import { trace } from '@opentelemetry/api'\nexport const tracer = trace\n`,
      /knows no observer/,
    ],
    [
      'server-lib/sessions/against.ts',
      `import express from 'express'\nexport const app = express\n`,
      /frameworks only in adapters/,
    ],
    [
      'instrumentation/otel/against.ts',
      `export { panel } from '../panel/index.ts'\n`,
      /do not know each other/,
    ],
    [
      'instrumentation/panel/against.ts',
      `import { trace } from '@opentelemetry/api'\nexport const tracer = trace\n`,
      /do not know each other/,
    ],
    ['cli/against.ts', `export { Engine } from '../server-lib/engines/engine.ts'\n`, /public door/],
    ['cli/against.ts', `export { panel } from '../instrumentation/panel/index.ts'\n`, /public door/],
    [
      'panel-ui/against.ts',
      `export { panel } from '../instrumentation/panel/index.ts'\n`,
      /protocol\.ts and nothing else/,
    ],
  ])('the linter says why: %s', async (path, text, reason) => {
    const file = join(copy, path)
    await writeFile(file, text)
    try {
      expect(await lint(file)).toMatch(reason)
    } finally {
      await rm(file)
    }
  })
})
