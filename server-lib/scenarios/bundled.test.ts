import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build, type BuildOptions } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { APP, SOUND } from '../testing/bundled-app.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { ROOT } from '../testing/page.ts'

// In this repository `enginelight` is what was built last: a bundler finds it as in node_modules.
const folder = join(ROOT, `.cache/bundles-${process.pid}`)
let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'app.mjs'), APP.esm)
  await writeFile(join(folder, 'app.cjs'), APP.cjs)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})

/** Runs it, and resolves to what it said and to the text at the place that its check-out timeout named. */
async function run(file: string, flags: string[] = []) {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, join(folder, file)], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: database.url },
  })
  expect(stderr).toBe('')
  const { frames, ...told } = JSON.parse(stdout) as { error: { site: string }; frames: string[] }
  expect(frames.length).toBeGreaterThan(3)
  for (const frame of frames) expect(await isInApplication(frame), frame).toBe(true)
  const [, name = '', line = ''] = /^(.*):(\d+)$/.exec(told.error.site) ?? []
  const lines = (await readFile(join(folder, name), 'utf8')).split('\n')
  return { told, line: lines[Number(line) - 1] ?? '' }
}

/** Whether a frame, `main (bundle.cjs:1:20000)`, is in what the application's own text has become. */
async function isInApplication(frame: string): Promise<boolean> {
  const [, file = '', line = '', column = ''] = /\(?([^\s()]+):(\d+):(\d+)\)?$/.exec(frame) ?? []
  const text = await readFile(join(folder, file), 'utf8')
  const before = text.split('\n').slice(0, Number(line) - 1)
  const place = before.join('\n').length + Number(column)
  return Math.abs(place - text.indexOf('of the holder')) < APP.esm.length
}

const ERROR = { code: 'EL_CHECKOUT_TIMEOUT', isOurs: true, site: expect.any(String) as string }

const banner = {
  js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);",
}
const BUNDLES: Record<string, BuildOptions> = {
  'bundle.cjs': { format: 'cjs' },
  'bundle.min.cjs': { format: 'cjs', minify: true },
  'mapped.cjs': { format: 'cjs', sourcemap: true },
  'external.mjs': { format: 'esm', packages: 'external' },
  'bundle.mjs': { format: 'esm', banner },
}

test.each(['app.mjs', 'app.cjs'])('%s runs without a bundler, and a timeout names the line', async file => {
  const { told, line } = await run(file)
  expect(told).toEqual({ ...SOUND, error: ERROR })
  expect(line).toContain('of the holder')
})

const bundle = (outfile: string, options: BuildOptions) =>
  build({
    entryPoints: [join(folder, 'app.mjs')],
    outfile: join(folder, outfile),
    bundle: true,
    platform: 'node',
    logLevel: 'error',
    ...options,
  })

test.each(Object.entries(BUNDLES))(
  '%s runs, and a timeout names the line of the application',
  async (outfile, options) => {
    await bundle(outfile, options)
    const { told, line } = await run(outfile, outfile.startsWith('mapped') ? ['--enable-source-maps'] : [])
    expect(told).toEqual({ ...SOUND, error: ERROR })
    expect(line).toContain('of the holder')
  },
)

test('a bundle that is evaluated, as webpack does while one develops, is known by its sourceURL', async () => {
  await bundle('evaluated.js', { format: 'cjs' })
  const text = `${await readFile(join(folder, 'evaluated.js'), 'utf8')}\n//# sourceURL=evaluated.js`
  await writeFile(join(folder, 'evaluates.cjs'), `eval(${JSON.stringify(text)})`)
  const { told, line } = await run('evaluates.cjs')
  expect(told).toEqual({ ...SOUND, error: ERROR })
  expect(line).toContain('of the holder')
})
