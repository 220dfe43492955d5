import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pageText, ROOT } from './testing/page.ts'

/**
 * A package that emits declarations must be able to write the type of all that it exports, and may name our types only as
 * the doors of the package do. So it is installed here as npm does it, in a folder of node_modules and by its declarations.
 */
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enginelight-declarations-'))
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, 'enginelight'), { recursive: true })
  for (const name of await readdir(join(ROOT, 'node_modules')))
    if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  await cp(join(ROOT, 'package.json'), join(modules, 'enginelight/package.json'))
  await cp(join(ROOT, 'dist'), join(modules, 'enginelight/dist'), {
    recursive: true,
    filter: source => !/\.test\b|\.js$|\.map$|\.tsbuildinfo$/.test(source),
  })
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const OPTIONS =
  '--ignoreConfig --declaration --emitDeclarationOnly --outDir out --pretty false --strict --skipLibCheck --preserveSymlinks ' +
  '--module nodenext --target es2023 --lib es2023,esnext.disposable --types node'

/** What the compiler says as it writes the declarations of these modules, by name. */
async function declared(modules: Record<string, string>): Promise<string[]> {
  const files = Object.keys(modules)
  for (const file of files) await writeFile(join(folder, file), `${modules[file]}\nexport {}\n`)
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const run = promisify(execFile)(process.execPath, [tsc, ...OPTIONS.split(' '), ...files], { cwd: folder })
  const said = await run.then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  )
  return said.split('\n').filter(line => line !== '')
}

test('each example of the documentation can be exported by a package that emits declarations', async () => {
  const pages = (await readdir(join(ROOT, 'docs'))).filter(name => name.endsWith('.md'))
  const texts = await Promise.all(pages.map(async name => [name, await pageText(name)] as const))
  const modules: Record<string, string> = {}
  for (const [page, text] of [
    ...texts,
    ['README.md', await readFile(join(ROOT, 'README.md'), 'utf8')] as const,
  ])
    for (const [at, [, code = '']] of [...text.matchAll(/```(?:ts|js)\n([^]*?)```/g)].entries())
      modules[`${page.replace('.md', '')}-${at}.ts`] = code
  expect(Object.keys(modules).length).toBeGreaterThan(50)
  // What an example takes for given is unknown here, and for that matter each page has a test of its own.
  const unnamed = (await declared(modules)).filter(line => /cannot be named|private name/.test(line))
  expect(unnamed).toEqual([])
})

/** What a module of an application may export of ours: what each door gives, called and taken apart. */
const APPLICATION = `
import express from 'express'
import pg from 'pg'
import knexFactory from 'knex'
import * as el from 'enginelight'
import * as ch from 'enginelight/channels'
import * as ex from 'enginelight/express'
import * as nd from 'enginelight/node'
import * as ot from 'enginelight/otel'
import * as pa from 'enginelight/panel'
import * as sc from 'enginelight/schema'
import * as sh from 'enginelight/sharing'
import * as hDrizzle from 'enginelight/sharing/drizzle'
import * as hKnex from 'enginelight/sharing/knex'
import * as hKysely from 'enginelight/sharing/kysely'
import * as hMikro from 'enginelight/sharing/mikro-orm'
import * as hPg from 'enginelight/sharing/pg'
import * as hPgjs from 'enginelight/sharing/postgres-js'
import * as hPrisma from 'enginelight/sharing/prisma'
import * as hSeq from 'enginelight/sharing/sequelize'
import * as hType from 'enginelight/sharing/typeorm'
interface Tables { users: { id: number; name: string } }
export const pool = new pg.Pool()
export const knex = knexFactory({ client: 'pg' })
export const host = sh.borrow({ connection: () => null })
export const all = sh.borrowAll
export const definitions = {
  a: el.engine<Tables>()({ connection: 'x', pool: { max: 3 } }), b: el.engine()({ pool }), c: el.engine()({ pool: () => pool }),
  d: el.engine()({ knex }), e: el.engine()({ knex: () => knex }), f: el.engine()({ knex: { client: 'pg' } }), g: host.engine,
}
export const engines = el.createEngines(definitions)
export const engineA = engines.get('a')
export const description = engineA.description
export const db = () => engines.current
export const session = () => engines.current.a
export const any = () => engines.current.any
export const lazy = () => engines.current.lazy('a')
export const status = () => engines.current.status
export const info = () => engines.current.info
export const sessionInfo = () => engines.current.a.info
export const identity = () => engines.current.a.identity
export const state = () => engines.current.a.state
export const query = () => engines.current.a.query('x')
export const raw = () => engines.current.a.raw('x')
export const builder = () => engines.current.a('users').where({ id: 1 })
export const sknex = () => engines.current.a.knex
export const schema = () => engines.current.a.schema
export const fn = () => engines.current.a.fn
export const ref = () => engines.current.a.ref('x')
export const stream = () => engines.current.a.stream('x')
export const commit = () => engines.current.commit()
export const members = { ...engines }
export const { open, scope, run, warmup, reinit, install, recovery, close, get } = engines
export const rec = engines.recovery()
export const pass = () => rec.runNow()
export const closed = () => engines.close()
export const installed = () => engines.install()
export const errors = (e: el.EnginelightError) => [e.code, e.holders, e.report] as const
export const reports = ch.engineReports()
export const report = reports[0]
export const observedEngines = ch.observedEngines()
export const chs = ch.channels
export const stop = ch.observe('enginelight:session', () => {})
export const onSession = (f: (m: ch.ChannelMessages['enginelight:session']) => void) => f
export const each = { a: ch.observe, e: ch.engineReports }
export const middleware = ex.sessions(engines)
export const handler = nd.sessions(engines, async (req, res) => { res.end(); return req.db })
export const exOptions = (o: ex.MountOptions) => ({ ...o })
export const app = express()
export const panel = pa.panel({ engines })
export const mounted = pa.startPanel({ engines })
export const attach = panel.attach
export const inst = new ot.EnginelightInstrumentation()
export const all2 = { ...el }, all3 = { ...sh }, all4 = { ...sc }, all5 = { ...ch }, all6 = { ...pa }, all7 = { ...ex }, all8 = { ...nd }
export const hosts = { ...hDrizzle, ...hKnex, ...hKysely, ...hMikro, ...hPg, ...hPgjs, ...hPrisma, ...hSeq, ...hType }
export const lent = sh.lend(engines.current.a)
export const lentClient = lent.client
export const lentAll = { ...lent }
export const reflected = sc.reflect(engines.current.a)
export const tables = async () => (await reflected).tables
export const tablesFrom = { ...sc.tablesFrom }
export const users = sc.defineTable
export const getTables = sc.getTables
export const hostAll = { ...host }
export const status2 = host.status
export const lentPool = lent.pool
export const lentKeys = () => Object.entries(lent)
export const arrow = sc.toArrow
export const batches = sc.arrowBatches
`

test('and so can what every door gives', async () => {
  expect(await declared({ 'application.ts': APPLICATION })).toEqual([])
})
