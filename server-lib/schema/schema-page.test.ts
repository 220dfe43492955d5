import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeBlocks, compile, pageText, ROOT } from '../testing/page.ts'

// Inside the package, so that it can import itself by its own name, as built.
const folder = join(ROOT, '.cache', `schema-page-${process.pid}`)
beforeAll(() => mkdir(folder, { recursive: true }))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What the page's blocks take for granted. */
const GIVEN = `
  declare const engines: import('enginelight').Engines<import('enginelight').Definitions>
  declare const db: import('enginelight').Db<import('enginelight').Definitions>
`

test('every block of the page on schemas compiles', async () => {
  const blocks = codeBlocks(await pageText('schema.md'))
  expect(blocks.length).toBeGreaterThanOrEqual(7)
  const generated = blocks.find(block => block.includes('export interface ShopTables')) ?? ''
  await writeFile(join(folder, 'given.d.ts'), GIVEN)
  const files = blocks.map((_, at) => `block-${at}.ts`)
  for (const [at, block] of blocks.entries()) {
    const before = block.includes('engine<ShopTables>') ? generated : ''
    await writeFile(join(folder, files[at] ?? ''), `${before}\n${block}\nexport {}\n`)
  }
  expect(await compile(['given.d.ts', ...files], folder)).toBe('')
})
