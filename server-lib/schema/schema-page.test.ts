import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const folder = join(root, '.cache', `schema-page-${process.pid}`)
beforeAll(() => mkdir(folder, { recursive: true }))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What the blocks of the page take for given. */
const GIVEN = `
  declare const engines: import('enginelight').Engines<import('enginelight').Definitions>
  declare const db: import('enginelight').Db<import('enginelight').Definitions>
`

test('every block of the page on schemas compiles', async () => {
  const page = await readFile(join(root, 'docs/schema.md'), 'utf8')
  const blocks = [...page.matchAll(/```ts\n([^]*?)```/g)].map(([, code = '']) => code)
  expect(blocks.length).toBeGreaterThanOrEqual(7)
  const generated = blocks.find(block => block.includes('export interface ShopTables')) ?? ''
  await writeFile(join(folder, 'given.d.ts'), GIVEN)
  const files = blocks.map((_, at) => `block-${at}.ts`)
  for (const [at, block] of blocks.entries()) {
    const before = block.includes('engine<ShopTables>') ? generated : ''
    await writeFile(join(folder, files[at] ?? ''), `${before}\n${block}\nexport {}\n`)
  }
  const options =
    '--ignoreConfig --noEmit --strict --skipLibCheck --module nodenext --target es2023 --types node'
  const lib = ['--lib', 'es2023,esnext.disposable']
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const said = await promisify(execFile)(
    process.execPath,
    [tsc, ...options.split(' '), ...lib, 'given.d.ts', ...files],
    { cwd: folder },
  ).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
  expect(said).toBe('')
})
