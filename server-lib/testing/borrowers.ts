import { afterEach, beforeEach } from 'vitest'
import { createEngines, type Engines } from '../index.ts'
import { borrow, type BorrowOptions } from '../sharing/index.ts'
import { notesDatabase } from './host-contract.ts'
import type pg from 'pg'
import { openHost, type TestHost } from './host.ts'

/** A host on a database with NOTES in it, anew for each test of a file, and those who borrow its current connection. */
export function hostOfNotes() {
  const database = notesDatabase()
  let now: TestHost
  const open: Engines<any>[] = []
  const containers: { end(): Promise<void> }[] = []
  beforeEach(() => {
    now = openHost(database)
  })
  // Before the database is looked at: hooks end in the reverse order.
  afterEach(async () => {
    await Promise.all(containers.splice(0).map(db => db.end()))
    await Promise.all(open.splice(0).map(engines => engines.close({ graceMs: 500 })))
    await now.close()
  })
  const host: TestHost = {
    get pool() {
      return now.pool
    },
    get current() {
      return now.current
    },
    set current(client) {
      now.current = client
    },
    begin: text => now.begin(text),
    commit: () => now.commit(),
    rollback: () => now.rollback(),
    close: () => now.close(),
  }
  return {
    database,
    host,
    /** Another host in its place, with a pool of its own. */
    async reopen(config: pg.PoolConfig) {
      await now.close()
      now = openHost(database, config)
    },
    /** Engines that are closed as the test ends. */
    opened<Opened extends Engines<any>>(engines: Opened): Opened {
      open.push(engines)
      return engines
    },
    /** A knex and engines over the host's current connection. */
    borrowed(options: Partial<BorrowOptions> = {}) {
      const from = borrow({ connection: () => host.current, ...options })
      const engines = createEngines({ host: from.engine })
      open.push(engines)
      const db = engines.open()
      containers.push(db)
      return { from, knex: from.knex, engines, db }
    },
    insert: (body: string) => ({ text: 'insert into notes (body) values ($1)', values: [body] }),
    outside: async () =>
      (await database.admin<{ body: string }>('select body from notes order by body')).map(
        ({ body }) => body,
      ),
  }
}
