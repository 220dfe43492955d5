import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { access, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, project, test } from './fixtures.ts'

const exec = promisify(execFile)
const node = (code: string, ...flags: string[]) =>
  exec(process.execPath, [...flags, '--input-type=module', '-e', code], { cwd: project() })

const { exports } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>
}

/** All but those of OpenTelemetry, whose peers are not installed here, and what is no module. */
const DOORS = Object.keys(exports)
  .filter(path => !/^\.\/(otel|install\.sql|package\.json)/.test(path))
  .map(path => path.replace(/^\./, 'enginelight'))

test('every door can be imported and required, and both give the same module', async () => {
  const { stdout } = await node(`
    import { createRequire } from 'node:module'
    const require = createRequire(process.cwd() + '/x.js')
    for (const door of ${JSON.stringify(DOORS)}) {
      const imported = await import(door)
      const required = require(door)
      console.log(door + ' ' + (imported.default === required && Object.keys(required).every(name => imported[name] === required[name])))
    }
  `)
  expect(stdout.trim().split('\n')).toEqual(DOORS.map(door => `${door} true`))
})

test('importing the library loads neither OpenTelemetry nor ws nor a framework nor an ORM', async () => {
  // Told by Node's own resolution: each module that is imported, from the first on.
  const hooks = `
    import { writeSync } from 'node:fs'
    export async function resolve(specifier, context, next) {
      const resolved = await next(specifier, context)
      writeSync(2, resolved.url + '\\n')
      return resolved
    }
  `
  await writeFile(join(project(), 'hooks.mjs'), hooks)
  const { stdout, stderr } = await node(`
    import { register } from 'node:module'
    register('./hooks.mjs', 'file://' + process.cwd() + '/')
    const { createEngines, engine } = await import('enginelight')
    await import('enginelight/channels')
    await import('enginelight/express')
    const { panel } = await import('enginelight/panel')
    const { createServer } = await import('node:http')
    const engines = createEngines({ main: engine()({ connection: 'postgres://x@127.0.0.1:1/x' }) })
    // Off: nothing is mounted and nothing loaded.
    const server = createServer()
    const before = server.eventNames().length
    const { url } = await panel({ engines }).attach(server)
    console.log(JSON.stringify({ url, added: server.eventNames().length - before }))
    await engines.close()
  `)
  expect(JSON.parse(stdout)).toEqual({ url: null, added: 0 })
  expect(stderr).toContain('/enginelight/dist/server-lib/index.js')
  const others = /node_modules\/(?!enginelight\/)((?:@[^/]+\/)?[^/]+)\//g
  expect([...new Set([...stderr.matchAll(others)].map(match => match[1]))]).toEqual([])
})

test('the tarball holds the library, the page and the manuals of types, and no test', async () => {
  const folder = join(project(), 'node_modules/enginelight')
  const files = (await readdir(folder, { recursive: true })).map(file => file.replaceAll('\\', '/'))
  expect(files).toContain('dist/server-lib/index.js')
  expect(files).toContain('dist/server-lib/index.d.ts')
  expect(files).toContain('dist/panel-ui/files.js')
  expect(files).toContain('docs/commit.md')
  expect(files).toContain('server-lib/errors.md')
  expect(files).toContain('server-lib/channels.md')
  expect(
    files.filter(file => /\.test\.|\/testing\/|\.map$|tsbuildinfo|(^|\/)(examples|e2e|bench)\//.test(file)),
  ).toEqual([])
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    dependencies: object
  }
  expect(Object.keys(manifest.dependencies)).toEqual(['ws'])
})

test('without its peer a door of OpenTelemetry says which package is missing', async () => {
  for (const flags of [
    ['--import', 'enginelight/otel/register'],
    ['--require', 'enginelight/otel/register'],
    ['--import', 'enginelight/otel'],
  ]) {
    const failure = await node('', ...flags).catch((error: { stderr: string }) => error)
    expect('stderr' in failure && failure.stderr).toContain('npm install @opentelemetry/api')
    expect('stderr' in failure && failure.stderr).toContain('EL_MISSING_PEER')
  }
})

test('what the manuals point at is in the package, or npm finds it by the repository', async () => {
  const folder = join(project(), 'node_modules/enginelight')
  const { repository, homepage, bugs } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  ) as Record<string, unknown>
  expect([repository, homepage, bugs]).toEqual([
    { type: 'git', url: 'git+https://github.com/enginelight/enginelight.git' },
    expect.stringContaining('https://github.com/enginelight/enginelight'),
    expect.stringContaining('https://github.com/enginelight/enginelight'),
  ])
  const manuals = (await readdir(folder, { recursive: true })).filter(file => file.endsWith('.md'))
  const root = join(import.meta.dirname, '..')
  for (const manual of manuals)
    for (const [, link = ''] of (await readFile(join(folder, manual), 'utf8')).matchAll(/\]\(([^)#\s]+)/g))
      if (!/^https?:/.test(link)) await access(join(root, dirname(manual), link))
})

test('every door has its types where TypeScript looks for them without exports', async () => {
  const { typesVersions } = JSON.parse(
    await readFile(join(import.meta.dirname, '../package.json'), 'utf8'),
  ) as {
    typesVersions: { '*': Record<string, string[]> }
  }
  const doors = Object.entries(exports as Record<string, { types?: string }>)
    .filter(([door, { types }]) => door !== '.' && types)
    .map(([door, { types }]) => [door.slice(2), [types]])
  expect(typesVersions['*']).toEqual(Object.fromEntries(doors))
})

test('a mistake in the first lines gives a sentence that helps', async () => {
  const mistakes: Record<string, RegExp> = {
    [`createEngines({ main: engine()({ conection: 'postgres://x' }) })`]:
      /there is no option conection; there are connection, knex, pool/,
    [`createEngines({ main: { connection: 'postgres://x' } })`]:
      /must be made with engine<Tables>\(\)\(\{ … \}\)/,
    [`createEngines({ main: engine()({ knex: 'postgres://x' }) })`]:
      /option knex must be a knex, its config or a function that makes one, not a text/,
    [`createEngines({ main: engine()({ connection: 'mysql://x' }) })`]:
      /PostgreSQL is supported, mysql is not yet/,
    [`createEngines({ main: engine()({ connection: 'postgres://x' }) }).current`]:
      /mount sessions\(engines\) before the handlers, or use engines.scope/,
  }
  for (const [code, sentence] of Object.entries(mistakes)) {
    await writeFile(
      join(project(), 'mistake.mjs'),
      `import { createEngines, engine } from 'enginelight'\n${code}\n`,
    )
    const failure = await exec(process.execPath, ['mistake.mjs'], { cwd: project() }).catch(
      (error: { stderr: string }) => error,
    )
    expect('stderr' in failure && failure.stderr, code).toMatch(sentence)
  }
})

test('what tests strike at is not in the package', async () => {
  const folder = join(project(), 'node_modules/enginelight/dist')
  const files = (await readdir(folder, { recursive: true })).filter(file => file.endsWith('.js'))
  expect(files.length).toBeGreaterThan(20)
  for (const file of files)
    expect(await readFile(join(folder, file), 'utf8'), file).not.toContain('faultPoint')
})

test('the command is there, and the SQL of install() beside it', async () => {
  const bin = join(project(), 'node_modules/.bin/enginelight')
  const { stdout } = await exec(bin, ['--help'], { cwd: project() })
  expect(stdout).toContain('enginelight recover ')
  await writeFile(
    join(project(), 'engines.mjs'),
    `import { createEngines, engine } from 'enginelight'
    export const engines = createEngines({ main: engine()({ connection: 'postgres://x@127.0.0.1:1/x' }) })`,
  )
  const away = await exec(bin, ['recover', '--engines', 'engines.mjs'], { cwd: project() }).catch(
    (error: { code: number; stdout: string }) => error,
  )
  expect(away).toMatchObject({ code: 1, stdout: expect.stringContaining('could not be looked at') })
  const { stdout: path } = await node(`console.log(import.meta.resolve('enginelight/install.sql'))`)
  expect(await readFile(new URL(path.trim()), 'utf8')).toContain('CREATE TABLE IF NOT EXISTS')
})
