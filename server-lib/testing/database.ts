import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

/** A database of one test file, and an administrator's eye on it. */
export interface TestDatabase {
  readonly name: string
  readonly url: string
  /** Runs on a connection of the administrator, outside of everything that is under test. */
  admin<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  /** The backends on this database that are not the administrator's. */
  backends(): Promise<Backend[]>
  drop(): Promise<void>
}

export interface Backend {
  pid: number
  state: string
  application_name: string
  query: string
}

/** Creates a database with a name of its own. Call `drop` in `afterAll`. */
export async function createDatabase(schema = ''): Promise<TestDatabase> {
  const server = inject('postgresUrl')
  const name = `t_${randomBytes(6).toString('hex')}`
  await withClient(server, client => client.query(`create database ${name}`))
  const url = server.replace(/\/postgres$/, `/${name}`)
  const eye = new pg.Client({ connectionString: url, application_name: 'administrator' })
  await eye.connect()
  if (schema) await eye.query(schema)
  const admin = async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
    (await eye.query<Row>(text, values)).rows
  return {
    name,
    url,
    admin,
    backends: () =>
      admin<Backend & pg.QueryResultRow>(
        `select pid, state, application_name, query from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' order by pid`,
      ),
    async drop() {
      await eye.end()
      await withClient(server, client => client.query(`drop database ${name} with (force)`))
    },
  }
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
