import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runScript } from '../testing/child.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** A second copy of the package, as two versions in one tree of node_modules would be. */
const copy = `${root}/.cache/second-copy-${process.pid}`

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase('create table t (name text)')
  await mkdir(copy, { recursive: true })
  await cp(`${root}/dist`, copy, { recursive: true, filter: source => !/\.(map|d\.ts)$/.test(source) })
  expect(await readdir(`${copy}/server-lib`)).toContain('index.js')
})
afterAll(async () => {
  await rm(copy, { recursive: true, force: true })
  await database.drop()
})

async function tell(source: string): Promise<unknown> {
  const script = await runScript(source, { DATABASE_URL: database.url, COPY: `${copy}/server-lib` })
  const code = await script.ended
  expect([code, script.output()]).toEqual([0, expect.stringMatching(/^\{.*\}\n$/)])
  await expectQuiet(database)
  await expectBackends(database, 0)
  return JSON.parse(script.output())
}

test('R43 imported and required it is one library: engines, requests and errors are the same', async () => {
  const told = await tell(`
    import { createRequire } from 'node:module'
    import * as imported from 'enginelight'
    import * as mount from 'enginelight/node'
    const require = createRequire(import.meta.url)
    const required = require('enginelight')
    const { default: whole, 'module.exports': again, ...names } = imported
    const same = whole === required && Object.keys(names).every(name => names[name] === required[name])
    const engines = required.createEngines({ main: required.engine()({ connection: process.env.DATABASE_URL }) })
    const found = await engines.scope(async db => engines.current === db)
    const mounted = typeof mount.sessions(engines, () => {})
    await engines.close()
    console.log(JSON.stringify({ same, found, mounted }))
  `)
  expect(told).toEqual({ same: true, found: true, mounted: 'function' })
})

test('R43 two copies keep their requests apart, share no pool, and give no id twice', async () => {
  const told = await tell(`
    import { subscribe } from 'node:diagnostics_channel'
    import pg from 'pg'
    import * as a from 'enginelight'
    const b = await import(process.env.COPY + '/index.js')
    const mount = await import(process.env.COPY + '/adapters/node.js')
    const code = fn => { try { fn() } catch (error) { return error.code + ' ' + error.message } }
    const ids = []
    for (const name of ['checkout', 'session', 'request', 'pool'])
      subscribe('enginelight:' + name, message => {
        if (message.phase === 'start' || message.phase === 'connected') ids.push(message.connection ?? message.id)
      })
    const given = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 })
    const connection = process.env.DATABASE_URL
    const one = a.createEngines({ main: a.engine()({ connection }), given: a.engine()({ pool: given }) })
    const two = b.createEngines({ main: b.engine()({ connection }) })
    const refused = code(() => b.createEngines({ given: b.engine()({ pool: given }) }))
    const foreign = code(() => mount.sessions(one, () => {}))
    const told = await one.scope(async outer => {
      const outside = code(() => two.current)
      return two.scope(async inner => {
        await Promise.all([outer.main.query('select 1'), inner.main.query('select 1'), outer.given.query('select 1')])
        return { outside, one: one.current === outer, two: two.current === inner }
      })
    })
    await Promise.all([one.close(), two.close()])
    const after = b.createEngines({ given: b.engine()({ pool: given }) })
    await after.scope(db => db.given.query('select 1'))
    await after.close()
    await given.end()
    console.log(JSON.stringify({ ...told, refused, foreign, ids: ids.length, different: new Set(ids).size }))
  `)
  expect(told).toEqual({
    outside: expect.stringMatching(/^EL_NO_SCOPE /),
    one: true,
    two: true,
    refused: expect.stringMatching(/^EL_CONFIG .*a pool that another engine has already/),
    foreign: expect.stringMatching(/^EL_CONFIG .*another copy of enginelight/),
    ids: expect.any(Number),
    different: (told as { ids: number }).ids,
  })
  expect((told as { ids: number }).ids).toBeGreaterThan(8)
})

test('R44 another copy takes over the engines of a key: a bundle that is evaluated again', async () => {
  const told = await tell(`
    import { once } from 'node:events'
    import { createServer } from 'node:http'
    import { setTimeout as sleep } from 'node:timers/promises'
    import pg from 'pg'
    import * as a from 'enginelight'
    import { sessions } from 'enginelight/node'
    const b = await import(process.env.COPY + '/index.js')
    const connectionString = process.env.DATABASE_URL
    const eye = new pg.Client({ connectionString, application_name: 'administrator' })
    await eye.connect()
    const backends = async () => {
      const { rows } = await eye.query("select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name <> 'administrator' and backend_type = 'client backend'")
      return rows[0].n
    }
    const given = new pg.Pool({ connectionString, max: 2 })
    const evaluate = ({ createEngines, engine }) => createEngines({
      main: engine()({ connection: connectionString, pool: { min: 1, max: 3 } }),
      given: engine()({ pool: given }),
    }, { hot: 'bundle' })
    const first = evaluate(a)
    const running = first.open()
    await Promise.all([running.main('t').insert({ name: 'own' }), running.given('t').insert({ name: 'given' })])
    let reload
    const reloaded = new Promise(resolve => (reload = resolve))
    const server = createServer(sessions(first, async (req, res) => {
      res.write('begun')
      await reloaded
      await req.db.main('t').insert({ name: 'request' })
      await req.db.commit()
      res.end()
    })).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const answer = await fetch('http://127.0.0.1:' + server.address().port)
    let newest
    for (let round = 0; round < 30; round++) {
      newest = evaluate(round % 2 ? a : b)
      await newest.scope(db => Promise.all([db.main.query('select 1'), db.given.query('select 1')]))
    }
    reload()
    await answer.text()
    await running.main.commit()
    await running.given.commit()
    await running.end()
    for (let looks = 0; looks < 40 && (await backends()) > 3; looks++) await sleep(50)
    const left = await backends()
    const late = await first.scope(db => db.main.query('select 1')).catch(error => error.code)
    const { rows } = await newest.scope(db => db.given.query('select name from t order by name'))
    await newest.close()
    server.close()
    server.closeAllConnections()
    await given.end()
    await eye.end()
    console.log(JSON.stringify({ rows: rows.map(({ name }) => name), left, late }))
  `)
  expect(told).toEqual({ rows: ['given', 'own', 'request'], left: 3, late: 'EL_ENGINE_CLOSED' })
})
