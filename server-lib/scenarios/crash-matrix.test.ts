import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'
import { createEngines, engine } from '../index.ts'
import { runScript } from '../testing/child.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { startPostgres, type RunningPostgres } from '../testing/postgres.ts'
import { freshSeed, isLong, Seeded, seedFromEnv } from '../testing/seeded.ts'

/** Writes on both, commits when it is told to, and says what it was told. */
const APP = `
import { writeSync } from 'node:fs'
import { createEngines, engine } from 'enginelight'
const options = { pool: { max: 2 }, commitTimeoutMs: 700 }
const engines = createEngines({
  writer: engine()({ connection: process.env.WRITER_URL, ...options }),
  ledger: engine()({ connection: process.env.LEDGER_URL, ...options }),
}, { application: 'matrix', requireTwoPhase: true })
process.on('warning', () => {})
const db = engines.open()
await db.writer.query('insert into t (name) values ($1)', [process.env.ID])
await db.ledger.query('insert into t (name) values ($1)', [process.env.ID])
const alive = setInterval(() => {}, 1000)
process.once('SIGUSR2', async () => {
  clearInterval(alive)
  const told = await db.commit().then(
    () => 'committed',
    error => (error.code === 'EL_COMMIT_UNKNOWN' ? 'unknown' : 'failed'),
  )
  // And goes without a goodbye: what it still had to do is left to recovery too.
  // The row of the decision is deleted a moment later.
  await new Promise(resolve => setTimeout(resolve, 100))
  writeSync(1, 'told ' + told + '\\n')
  process.exit(0)
})
console.log('ready')
`

/** The messages of a two-phase commit, as they come by: what is said, by whom, to or from which server. */
const POINTS = [
  ['decision sent', 'ledger', 'INSERT INTO public.enginelight_decision', 'client'],
  ['decision answered', 'ledger', 'INSERT 0 1\0', 'server'],
  ['PREPARE sent', 'writer', 'PREPARE TRANSACTION', 'client'],
  ['PREPARE answered', 'writer', 'PREPARE TRANSACTION\0', 'server'],
  ['COMMIT sent', 'ledger', 'COMMIT\0', 'client'],
  ['COMMIT answered', 'ledger', 'COMMIT\0', 'server'],
  ['COMMIT PREPARED sent', 'writer', 'COMMIT PREPARED', 'client'],
  ['COMMIT PREPARED answered', 'writer', 'COMMIT PREPARED\0', 'server'],
  ['row deleted', 'ledger', 'DELETE FROM public.enginelight_decision', 'client'],
] as const

const FAULTS = ['node killed', 'server killed', 'both killed', 'network of the other lost'] as const

interface Side {
  postgres: RunningPostgres
  database: TestDatabase
  proxy: FaultProxy
}
const sides = {} as Record<'writer' | 'ledger', Side>
beforeAll(async () => {
  const start = async (): Promise<Side> => {
    const postgres = await startPostgres()
    const database = await createDatabase(
      `create table t (id serial primary key, name text); ${INSTALL_SQL}`,
      postgres.url,
    )
    return { postgres, database, proxy: await startFaultProxy(database.url) }
  }
  ;[sides.writer, sides.ledger] = await Promise.all([start(), start()])
})
afterAll(async () => {
  for (const { postgres, database, proxy } of Object.values(sides)) {
    await proxy.stop()
    await database.drop()
    await postgres.stop()
  }
})

const cells = POINTS.flatMap(point =>
  FAULTS.flatMap(fault => (['arrives', 'is lost'] as const).map(fate => ({ point, fault, fate }))),
)
const seed = seedFromEnv()?.seed ?? freshSeed()
/** Each point once, with what chance makes of it; or all. */
function chosen() {
  if (isLong) return cells
  const chance = new Seeded(seed)
  return POINTS.map(point => chance.pick(cells.filter(cell => cell.point === point)))
}

describe(`R30 crash matrix (ENGINELIGHT_SEED=${seed})`, () => {
  test.each(chosen().map(cell => [`${cell.point[0]}, and ${cell.fate}; ${cell.fault}`, cell] as const))(
    '%s: after recovery both or none, as it was told',
    async (title, { point: [, where, bytes, from], fault, fate }) => {
      const app = await runScript(APP, {
        WRITER_URL: sides.writer.proxy.url,
        LEDGER_URL: sides.ledger.proxy.url,
        ID: title,
      })
      await expect.poll(() => app.output(), { timeout: 10_000 }).toBe('ready\n')
      const { proxy, postgres } = sides[where]
      const other = sides[where === 'writer' ? 'ledger' : 'writer']
      let restarted: Promise<void> | undefined
      const strike = proxy.once(
        bytes,
        connection => {
          if (fate === 'is lost') connection.set({ toServer: 'swallow', toClient: 'swallow' })
          if (fault === 'node killed' || fault === 'both killed') app.process.kill('SIGKILL')
          if (fault === 'server killed' || fault === 'both killed') {
            restarted = postgres.halt('immediate').then(() => postgres.start())
          }
          if (fault === 'network of the other lost') other.proxy.reset()
        },
        { from },
      )
      app.process.kill('SIGUSR2')
      await strike.hit
      await app.ended
      await restarted
      // Whoever waits in the black hole has gone for good.
      for (const { proxy } of Object.values(sides)) proxy.reset()
      const told = /told (\w+)/.exec(app.output())?.[1] ?? 'nothing'
      await recovered()
      const there = await Promise.all(
        [sides.writer, sides.ledger].map(
          async ({ database }) => (await database.admin('select from t where name = $1', [title])).length,
        ),
      )
      const outcome = there.join()
      expect(['0,0', '1,1']).toContain(outcome)
      if (told === 'committed') expect(outcome).toBe('1,1')
      if (told === 'failed') expect(outcome).toBe('0,0')
      if (fault.includes('server') || fault.includes('network')) expect(told).not.toBe('nothing')
      for (const { database } of Object.values(sides)) await expectQuiet(database)
    },
  )
})

async function recovered(): Promise<void> {
  await using engines = createEngines(
    {
      writer: engine()({ connection: sides.writer.database.url }),
      ledger: engine()({ connection: sides.ledger.database.url }),
    },
    { application: 'matrix' },
  )
  const recovery = engines.recovery({ everyMs: false, olderThanMs: 0, keepDecisionsMs: 0 })
  await expect.poll(async () => (await recovery.runNow()).isClear, { timeout: 10_000 }).toBe(true)
  await engines.close()
  const rows = await sides.ledger.database.admin('select transaction from enginelight_decision')
  expect(rows).toEqual([])
}
