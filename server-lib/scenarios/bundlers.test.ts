import { execFile, spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { APP, SOUND } from '../testing/bundled-app.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'

/** A folder in which the packed package and the tools are installed, as `npm run test:long` does. */
const { ENGINELIGHT_BUNDLERS: installed = '' } = process.env
const folder = join(installed, `bundles-${process.pid}`)
const exec = promisify(execFile)
const bin = (name: string) => join(installed, 'node_modules/.bin', name)

/** Each builds `app.mjs` into the file by which it is known. */
const BUILDS: Record<string, string> = {
  'webpack.cjs': `
    const webpack = require('webpack')
    const output = { path: __dirname, filename: 'webpack.cjs' }
    webpack({ mode: 'production', target: 'node20', context: __dirname, entry: './app.mjs', output }, (error, stats) => {
      if (error || stats.hasErrors()) throw error ?? new Error(stats.toString())
    })`,
  'rollup.cjs': rollup('cjs'),
  'rollup.mjs': rollup('es'),
  'rolldown.cjs': rolldown('cjs'),
  'rolldown.mjs': rolldown('es'),
  'vite.mjs': vite('{}', 'vite.mjs'),
  'vite-all.mjs': vite('{ noExternal: true }', 'vite-all.mjs'),
}

function rollup(format: string): string {
  return `
    const { nodeResolve } = require('@rollup/plugin-node-resolve')
    const plugins = [nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }), require('@rollup/plugin-commonjs')(), require('@rollup/plugin-json')()]
    require('rollup').rollup({ input: 'app.mjs', plugins, onwarn() {} })
      .then(bundle => bundle.write({ file: 'rollup.${format === 'es' ? 'mjs' : 'cjs'}', format: '${format}', inlineDynamicImports: true }))`
}

function rolldown(format: string): string {
  return `
    import('rolldown').then(({ rolldown }) => rolldown({ input: 'app.mjs', platform: 'node' }))
      .then(bundle => bundle.write({ file: 'rolldown.${format === 'es' ? 'mjs' : 'cjs'}', format: '${format}', codeSplitting: false }))`
}

function vite(ssr: string, file: string): string {
  return `
    import('vite').then(({ build }) => build({
      root: __dirname, configFile: false, logLevel: 'error', ssr: ${ssr},
      build: { ssr: 'app.mjs', outDir: '.', emptyOutDir: false, rolldownOptions: { output: { entryFileNames: '${file}' } } },
    }))`
}

describe('in a project of its own', { timeout: 300_000 }, () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'app.mjs'), APP.esm)
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    await database.drop()
  })

  const node = (...args: string[]) =>
    exec(process.execPath, args, { cwd: folder, env: { ...process.env, DATABASE_URL: database.url } })

  /** Whether the line that the timeout named is the application's. */
  async function expectSound({ frames, ...told }: { error: { site: string }; frames: string[] }) {
    expect(frames.length).toBeGreaterThan(3)
    expect(told).toEqual({
      ...SOUND,
      error: { code: 'EL_CHECKOUT_TIMEOUT', isOurs: true, site: expect.stringMatching(/:\d+$/) },
    })
    const [, file = '', line = ''] = /^(.*):(\d+)$/.exec(told.error.site) ?? []
    const text = (await readFile(join(folder, file), 'utf8')).split('\n')[Number(line) - 1]
    expect(text).toContain('of the holder')
  }

  test.each(Object.entries(BUILDS))('%s', async (file, source) => {
    await writeFile(join(folder, 'build.cjs'), source)
    await node('build.cjs')
    const { stdout } = await node(file)
    await expectSound(JSON.parse(stdout))
  })

  test('Jest, in CommonJS', async () => {
    await writeFile(join(folder, 'app.test.js'), APP.jest)
    await writeFile(join(folder, 'package.json'), '{ "jest": { "transform": {} } }')
    await node(join(installed, 'node_modules/jest/bin/jest.js'), '--forceExit')
    await expectSound(JSON.parse(await readFile(join(folder, 'told.json'), 'utf8')))
  })

  test.each([
    ['node16', 'node16'],
    ['commonjs', 'node10'],
  ])('TypeScript 5 with module %s and moduleResolution %s', async (module, moduleResolution) => {
    const { exports } = JSON.parse(
      await readFile(join(installed, 'node_modules/enginelight/package.json'), 'utf8'),
    ) as { exports: Record<string, { types?: string }> }
    const doors = Object.keys(exports).filter(door => exports[door]?.types)
    const uses = doors.map((door, index) => `import * as door${index} from 'enginelight${door.slice(1)}'`)
    const names = doors.map((_, index) => `door${index}`).join(', ')
    await writeFile(join(folder, 'doors.ts'), `${uses.join('\n')}\nexport const all = [${names}]\n`)
    await writeFile(
      join(folder, 'engines.ts'),
      `import { createEngines, engine } from 'enginelight'
      import { sessions } from 'enginelight/express'
      interface Tables { t: { n: number } }
      export const engines = createEngines({ main: engine<Tables>()({ connection: 'postgres://x' }) })
      export const mount = sessions(engines)
      export const rows: Promise<number[]> = engines.run(async db => (await db.main('t').select('n')).map(row => row.n))
      // @ts-expect-error there is no such engine
      engines.get('other')
      `,
    )
    const options = ['--strict', '--noEmit', '--skipLibCheck', '--target', 'es2022', '--esModuleInterop']
    const args = ['--module', module, '--moduleResolution', moduleResolution, 'doors.ts', 'engines.ts']
    const { stdout } = await exec(bin('tsc'), [...options, ...args], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    )
    expect(stdout).toBe('')
  })

  test('Next, in a route', async () => {
    await mkdir(join(folder, 'app'), { recursive: true })
    await writeFile(join(folder, 'app/route.js'), APP.next)
    await writeFile(join(folder, 'package.json'), '{}')
    const next = join(installed, 'node_modules/next/dist/bin/next')
    await node(next, 'build')
    const child = spawn(process.execPath, [next, 'start', '--port', '0'], {
      cwd: folder,
      env: { ...process.env, DATABASE_URL: database.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      for await (const line of createInterface(child.stdout)) {
        const port = /http:\/\/localhost:(\d+)/.exec(line)?.[1]
        if (port === undefined) continue
        const response = await fetch(`http://127.0.0.1:${port}/`)
        expect(await response.json()).toMatchObject({
          ...SOUND,
          error: { code: 'EL_CHECKOUT_TIMEOUT', isOurs: true },
        })
        return
      }
      expect.unreachable('it did not start')
    } finally {
      child.kill()
    }
  })
})
