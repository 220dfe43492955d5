import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { ALONE, SlowFirst } from './scripts/test-files.js'

/** Where the newest majors are, which need a newer Node than we do. Their tests are those of the older ones. */
const { ENGINELIGHT_NEWEST: newest } = process.env
/** The node_modules of another pg than ours, and what goes with it: for tests that hold with any. */
const { ENGINELIGHT_PG: otherPg } = process.env

const otherPackages = [
  ...(newest === undefined
    ? []
    : ['kysely', '@mikro-orm/postgresql'].map(find => ({
        find,
        replacement: join(newest, 'node_modules', find),
      }))),
  ...(otherPg === undefined
    ? []
    : [
        { find: /^pg$/, replacement: join(otherPg, 'pg/lib/index.js') },
        { find: /^pg-cursor$/, replacement: join(otherPg, 'pg-cursor/index.js') },
        { find: /^pg-query-stream$/, replacement: join(otherPg, 'pg-query-stream/dist/index.js') },
        ...(existsSync(join(otherPg, 'knex'))
          ? [{ find: /^knex$/, replacement: join(otherPg, 'knex/knex.mjs') }]
          : []),
      ]),
]

/**
 * The page once more as a module that holds all of its files, each compressed in the ways that a browser may ask for: it
 * is what is published, and a bundle takes it along.
 */
function packed(): Plugin {
  const folder = join(import.meta.dirname, 'dist/panel-ui')
  return {
    name: 'packed',
    apply: 'build',
    async closeBundle() {
      const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name))
      const bodies = files.map(async file => {
        const name = file.slice(folder.length + 1).replaceAll('\\', '/')
        const body = await readFile(file)
        const br = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: body.length } })
        const gzip = gzipSync(body, { level: constants.Z_BEST_COMPRESSION })
        return [name, { br: br.toString('base64'), gzip: gzip.toString('base64') }]
      })
      const module = `module.exports = ${JSON.stringify(Object.fromEntries(await Promise.all(bodies)))}\n`
      await writeFile(join(folder, 'files.js'), module)
    },
  }
}

/** What all test files have in common. */
const shared = {
  root: '.',
  alias: otherPackages,
  pool: 'forks',
  // Most of a test is waiting for the server or for a deadline: two at a time would leave a core idle.
  maxWorkers: 3,
  // The long variants of tests that do more of the same take longer.
  testTimeout: process.env.ENGINELIGHT_LONG === '1' ? 120_000 : 20_000,
  hookTimeout: 30_000,
  unstubEnvs: true,
} as const

const older = otherPg === undefined ? [] : ['server-lib/testing/older-pg.ts']
// Runs where its bundlers are installed, which a step of the long tests does.
const left = process.env.ENGINELIGHT_BUNDLERS ? [] : ['server-lib/scenarios/bundlers.test.ts']

export default defineConfig({
  // The panel: built into the package as static files, served by instrumentation/panel.
  root: 'panel-ui',
  base: './',
  plugins: [react(), packed()],
  build: {
    outDir: '../dist/panel-ui',
    emptyOutDir: true,
    target: 'es2023',
    sourcemap: false,
    assetsInlineLimit: 0,
    // The views are loaded one by one, but which rule wins must not depend on the order in which they are opened.
    cssCodeSplit: false,
  },
  test: {
    root: '.',
    globalSetup: ['server-lib/testing/global-setup.ts'],
    sequence: { sequencer: SlowFirst },
    projects: [
      { test: { ...shared, name: 'alone', include: [...ALONE], exclude: left, setupFiles: older } },
      {
        // The modules are loaded once a worker, and not once a file: that is half of the time.
        test: {
          ...shared,
          name: 'together',
          isolate: false,
          include: ['{server-lib,instrumentation,cli,panel-ui,examples,scripts}/**/*.test.{ts,tsx}'],
          exclude: [...ALONE, ...left],
          setupFiles: [...older, 'server-lib/testing/nothing-left.ts'],
        },
      },
    ],
  },
})
