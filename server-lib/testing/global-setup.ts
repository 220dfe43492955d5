import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
    postgresMajor: number
  }
}

/** One PostgreSQL for the whole run; each test file makes databases of its own in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // What panels keep over restarts is kept away from this user's own.
  const state = await mkdtemp(join(tmpdir(), 'enginelight-state-'))
  process.env.XDG_STATE_HOME = state
  const postgres = await startPostgres()
  project.provide('postgresUrl', postgres.url)
  project.provide('postgresMajor', await majorOf(postgres.url))
  return async () => {
    await postgres.stop()
    await rm(state, { recursive: true, force: true })
  }
}

async function majorOf(url: string): Promise<number> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query("select current_setting('server_version_num')::int / 10000 as major")
    return rows[0].major
  } finally {
    await client.end()
  }
}
