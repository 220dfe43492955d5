import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { applicationFamily, fileInFamily, isApplicationFile, shownFile } from './application-files.ts'

const SITE = new URL('../../.cache/compiled/server-lib/identity/site.js', import.meta.url).href

let folder: string
beforeAll(async () => void (folder = await realpath(await mkdtemp(join(tmpdir(), 'enginelight-site-')))))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A program with a source map that moves each line `down` lines down in `source`. */
function mapped(code: string, source: string, down = 100): string {
  const [, ...others] = code.split('\n')
  const mappings = [`AA${vlq(down)}A`, ...others.map(() => 'AACA')].join(';')
  const map = Buffer.from(JSON.stringify({ version: 3, sources: [source], names: [], mappings }))
  return `${code}\n//# sourceMappingURL=data:application/json;base64,${map.toString('base64')}\n`
}

/** A number in the encoding of source maps. */
function vlq(value: number): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  let [rest, text] = [value << 1, '']
  do {
    const digit = rest & 31
    rest >>= 5
    text += digits[rest > 0 ? digit | 32 : digit]
  } while (rest > 0)
  return text
}

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

/** The output of a program, which runs in the folder that holds all files. */
async function run(...args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder })
  return JSON.parse(stdout)
}

/** A library between the application and us, whose map has its sources outside node_modules, as TypeORM's has. */
const library = mapped(`exports.send = capture =>\n  capture()`, '../../../src/query-runner/Library.ts')
const program = [
  `const { send } = require('library')`,
  `import('${SITE}').then(({ captureSite, siteOf }) => {`,
  `  const place = () => send(() => captureSite())`,
  `  console.log(JSON.stringify([siteOf(place()), siteOf(place())]))`,
  `})`,
].join('\n')

test('a library whose source map points outside of node_modules is none of the application', async () => {
  await write({
    'node_modules/library/index.js': library,
    'dist/plain.js': program,
  })
  // The line in the library's callback is the application's own.
  for (const args of [[], ['--enable-source-maps']]) {
    const sites = (await run(...args, 'dist/plain.js')) as { label: string; frames: string[] }[]
    for (const { label, frames } of sites) {
      expect(label).toBe('dist/plain.js:3')
      expect(frames.every(frame => frame.includes('dist/plain.js'))).toBe(true)
    }
  }
})

test('the application is shown by its sources, whatever made them', async () => {
  const sources = {
    'dist/relative.js': ['../src/orders.ts', 'src/orders.ts'],
    'dist/absolute.js': [`file://${folder}/src/orders.ts`, 'src/orders.ts'],
    'dist/webpack.js': ['webpack://shop/./src/orders.ts', 'src/orders.ts'],
    'dist/nameless-webpack.js': ['webpack:///./src/orders.ts', 'src/orders.ts'],
  }
  await write({ 'node_modules/library/index.js': library })
  for (const [file, [source = '', shown]] of Object.entries(sources)) {
    await write({ [file]: mapped(program, source) })
    const sites = (await run('--enable-source-maps', file)) as { label: string }[]
    expect(sites.map(({ label }) => label)).toEqual([`${shown}:103`, `${shown}:103`])
    const unmapped = (await run(file)) as { label: string }[]
    expect(unmapped.map(({ label }) => label)).toEqual([`${file}:3`, `${file}:3`])
  }
})

test('a library inside of a bundle is told from the application by its map', async () => {
  await write({
    'node_modules/library/index.js': library,
    'dist/bundle.js': mapped(program, 'webpack://shop/./node_modules/typeorm/index.js'),
  })
  expect(await run('--enable-source-maps', 'dist/bundle.js')).toEqual([null, null])
})

test('a loader with a map of its own is asked for the lines of the application, and for no others', async () => {
  await write({
    'node_modules/library/index.js': library,
    // As source-map-support does, which ts-node and esbuild-register install.
    'loader.js': `Error.prepareStackTrace = (error, frames) => error + frames.map(frame => {
      if (/library/.test(frame.getFileName())) return '\\n    at library (/app/src/library.ts:1:1)'
      return '\\n    at ' + frame.toString().replace('dist/loaded.js', 'src/loaded.ts')
    }).join('')`,
    'dist/loaded.js': program,
  })
  const sites = (await run('--require', './loader.js', 'dist/loaded.js')) as { label: string }[]
  expect(sites.map(({ label }) => label)).toEqual(['src/loaded.ts:3', 'src/loaded.ts:3'])
})

test('an application that is itself a package is told by its package, and by those of its family', async () => {
  await write({
    'node_modules/library/index.js': library,
    'node_modules/directus/cli.js': `require('@directus/api')`,
    'node_modules/@directus/api/index.js': program,
    'node_modules/other/index.js': program,
    'main.js': `require('other')`,
  })
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true })
  await symlink('../directus/cli.js', join(folder, 'node_modules/.bin/directus'))
  const sites = (await run('node_modules/.bin/directus')) as { label: string }[]
  expect(sites.map(({ label }) => label)).toEqual(['@directus/api/index.js:3', '@directus/api/index.js:3'])
  // If the application is no package, no package is taken for it.
  expect(await run('main.js')).toEqual([null, null])
})

test.each([
  ['/app/src/x.ts', true],
  ['/app/node_modules/.pnpm/knex@3.1.0_pg@8.11.0/node_modules/knex/lib/client.js', false],
  ['/app/.yarn/cache/knex-npm-3.1.0-0123456789.zip/node_modules/knex/lib/client.js', false],
  [
    '/app/.yarn/__virtual__/knex-virtual-0123/0/cache/knex-npm-3.1.0.zip/node_modules/knex/lib/client.js',
    false,
  ],
  ['/app/.yarn/unplugged/pg-npm-8.11.0/node_modules/pg/lib/client.js', false],
  ['C:\\app\\node_modules\\pg\\lib\\client.js', false],
  ['C:\\app\\src\\x.ts', true],
  // A workspace, by its real path.
  ['/app/packages/orders/dist/index.js', true],
  ['node:internal/process/task_queues', false],
])('%s is the application: %s', (file, expected) => {
  expect(isApplicationFile(file)).toBe(expected)
})

test('a file of the family of a package, on any system and of any installer', () => {
  expect(fileInFamily('/app/node_modules/@directus/api/dist/x.js', 'directus')).toBe(
    '@directus/api/dist/x.js',
  )
  expect(fileInFamily('C:\\app\\node_modules\\n8n-core\\dist\\x.js', 'n8n')).toBe('n8n-core/dist/x.js')
  expect(fileInFamily('/app/node_modules/.pnpm/n8n@1/node_modules/n8n/x.js', 'n8n')).toBe('n8n/x.js')
  expect(fileInFamily('/app/node_modules/knex/lib/client.js', 'directus')).toBeNull()
  expect(fileInFamily('/app/src/x.ts', 'directus')).toBeNull()
  expect(shownFile('webpack:///./src/x.ts')).toBe('src/x.ts')
  expect(applicationFamily()).not.toBe('directus')
})
