import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'

/** An application in a process of its own, on the built package: it forgets to await a statement that fails. */
const PROGRAM = `
  import { createEngines, engine } from 'enginelight'
  import { observe } from 'enginelight/channels'
  const { url, way, kind, handled } = JSON.parse(process.argv[1])
  const { default: pg } = await import('pg')
  const { default: knexFactory } = await import('knex')
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const knex = knexFactory({ client: 'pg', connection: url, pool: { min: 0, max: 1 } })
  if (way !== 'unwatched') createEngines({ pool: engine()({ pool }), knex: engine()({ knex, default: true }) })
  if (way === 'heard') for (const name of ['statement', 'checkout', 'transaction']) observe('enginelight:' + name, () => {}, { sites: true })
  const ways = {
    pool: () => pool.query('selec'),
    client: async () => { const client = await pool.connect(); return { promise: client.query('selec') } },
    knex: () => knex.raw('selec').then(),
    transaction: () => knex.transaction(async trx => { await trx.raw('selec') }).then(),
  }
  let promise
  if (handled) process.on('unhandledRejection', (reason, rejected) => {
    console.log(JSON.stringify([reason.message, reason.code, rejected === promise]))
    process.exit(0)
  })
  const made = ways[kind]()
  promise = kind === 'client' ? (await made).promise : made
  setTimeout(() => { console.log('nothing came'); process.exit(7) }, 3_000)
`

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterAll(() => database.drop())

interface End {
  code: number | null
  out: string
  error: string
}

function runProgram(kind: string, way: string, handled: boolean): Promise<End> {
  const options = JSON.stringify({ url: database.url, way, kind, handled })
  const root = fileURLToPath(new URL('../../', import.meta.url))
  return new Promise(resolve => {
    const args = ['--input-type=module', '-e', PROGRAM, options]
    const child = execFile(process.execPath, args, { cwd: root }, (_error, out, error) =>
      resolve({ code: child.exitCode, out: out.trim(), error: /error: .*/.exec(error)?.[0] ?? error }),
    )
  })
}

test.each(['pool', 'client', 'knex', 'transaction'])(
  'a failing statement of a %s that nobody awaits stays an unhandled rejection of the same promise',
  { timeout: 60_000 },
  async kind => {
    const ways = ['unwatched', 'watched', 'heard']
    const [plain, ...others] = await Promise.all(ways.map(way => runProgram(kind, way, true)))
    expect(plain?.out).toMatch(/syntax error.*"42601",true/)
    for (const other of others) expect(other).toEqual(plain)
    const ends = await Promise.all(['unwatched', 'heard'].map(way => runProgram(kind, way, false)))
    expect(ends[0]?.code).toBe(1)
    expect(ends[1]).toEqual(ends[0])
  },
)
