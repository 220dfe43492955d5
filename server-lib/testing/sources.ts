import knexFactory from 'knex'
import pg from 'pg'
import { createEngines, engine, type EngineOptions } from '../index.ts'

/** Where an engine can have its connections from: our own knex, an application's knex, an application's pg.Pool. */
export const SOURCES = ['connection', 'knex', 'pg.Pool'] as const
export type Source = (typeof SOURCES)[number]

export interface SourceOptions extends EngineOptions {
  max?: number
}

/** Engines with one engine `main` on a database. `alsoClose` closes what they do not own. */
export function openOn(
  source: Source,
  url: string,
  { max = 2, connectTimeoutMs = 2_000, ...options }: SourceOptions = {},
) {
  const never = async () => {}
  switch (source) {
    case 'connection': {
      const main = engine()({ connection: url, pool: { max }, connectTimeoutMs, ...options })
      return { engines: createEngines({ main }), alsoClose: never }
    }
    case 'knex': {
      const knex = knexFactory({
        client: 'pg',
        // Knex prints a line for each connection that it finds dead.
        log: { warn() {} },
        connection: { connectionString: url, connectionTimeoutMillis: connectTimeoutMs },
        pool: { min: 0, max, createTimeoutMillis: connectTimeoutMs },
      })
      return {
        engines: createEngines({ main: engine()({ knex, ...options }) }),
        alsoClose: () => knex.destroy(),
      }
    }
    case 'pg.Pool': {
      const pool = new pg.Pool({ connectionString: url, max, connectionTimeoutMillis: connectTimeoutMs })
      // What the documentation of pg tells every application to do.
      pool.on('error', () => {})
      return { engines: createEngines({ main: engine()({ pool, ...options }) }), alsoClose: () => pool.end() }
    }
    default:
      return source satisfies never
  }
}
