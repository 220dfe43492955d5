import knexFactory from 'knex'
import pg from 'pg'
import { createEngines, engine } from '../../index.ts'
import type { Seeded } from '../seeded.ts'

export interface StormSetting {
  source: 'connection' | 'knex' | 'pg.Pool'
  mode: 'transaction' | 'autocommit'
  pipeline: boolean
  resolveUnknownCommit: boolean
  max: number
}

export function drawSetting(chance: Seeded): StormSetting {
  const mode = chance.pick(['transaction', 'transaction', 'autocommit'] as const)
  return {
    source: chance.pick(['connection', 'connection', 'knex', 'pg.Pool']),
    mode,
    pipeline: chance.chance(0.5),
    resolveUnknownCommit: mode === 'transaction' && chance.chance(0.3),
    max: chance.between(1, 3),
  }
}

/** The engine of a storm, with deadlines for everything: some of what strikes is never answered. */
export function openStormEngines(
  url: string,
  { source, mode, pipeline, resolveUnknownCommit, max }: StormSetting,
) {
  const { given, close } = giveSource(url, source, max)
  const engines = createEngines({
    // Whichever of the sources it is, the types of all are the same from here on.
    main: engine()({
      ...(given as { connection: string }),
      mode,
      pipeline,
      ...(resolveUnknownCommit ? { resolveUnknownCommit } : {}),
      checkoutTimeoutMs: 3_000,
      statementTimeoutMs: 400,
      commitTimeoutMs: 1_000,
      heldWarningMs: false,
      idleInTransactionWarningMs: false,
    }),
  })
  return { engines, isAutocommit: mode === 'autocommit', closeSource: close }
}

export type StormEngines = ReturnType<typeof openStormEngines>

function giveSource(url: string, source: StormSetting['source'], max: number) {
  switch (source) {
    case 'connection':
      return {
        given: { connection: url, connectTimeoutMs: 2_000, pool: { max } },
        close: () => Promise.resolve(),
      }
    case 'knex': {
      const connection = { connectionString: url, connectionTimeoutMillis: 2_000 }
      const log = { warn() {} }
      const knex = knexFactory({ client: 'pg', connection, log, pool: { min: 0, max } })
      return { given: { knex }, close: () => knex.destroy() }
    }
    case 'pg.Pool': {
      const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 2_000, max })
      pool.on('error', () => {})
      return { given: { pool }, close: () => pool.end() }
    }
    default:
      throw source satisfies never
  }
}
