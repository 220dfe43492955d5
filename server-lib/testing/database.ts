import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { knowDatabases } from '../databases.ts'

// A test of a part makes no engines, which would do that.
knowDatabases()

/** A database of one test file, and an administrator's eye on it. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string
  readonly url: string
  /** Of the server's superuser, on the database `postgres`. */
  readonly serverUrl: string
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

/** Creates a database with a name of its own, on the run's server or on another. Call `drop` in `afterAll`. */
export async function createDatabase(
  schema = '',
  serverUrl: string = inject('postgresUrl'),
): Promise<TestDatabase> {
  const name = `t_${randomBytes(6).toString('hex')}`
  await withClient(serverUrl, client => client.query(`create database ${name}`))
  const url = serverUrl.replace(/\/postgres$/, `/${name}`)
  const eye = new Eye(url)
  if (schema) await eye.query(schema)
  const admin = async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
    (await eye.query<Row>(text, values)).rows
  const drop = async () => {
    await eye.end()
    await withClient(serverUrl, client => client.query(`drop database ${name} with (force)`))
  }
  return {
    name,
    url,
    serverUrl,
    admin,
    backends: () =>
      admin<Backend & pg.QueryResultRow>(
        `select pid, state, application_name, query from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' order by pid`,
      ),
    drop,
    [Symbol.asyncDispose]: drop,
  }
}

/** An administrator's connection. Opened anew after the server was restarted; its statements go one by one. */
export class Eye {
  readonly #url: string
  #client: pg.Client | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(url: string) {
    this.#url = url
  }

  query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<pg.QueryResult<Row>> {
    const answer = this.#last.then(async () => (await this.#connected()).query<Row>(text, values))
    this.#last = answer.catch(() => {})
    return answer
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client) return this.#client
    const client = new pg.Client({ connectionString: this.#url, application_name: 'administrator' })
    client.on('error', () => void (this.#client = undefined))
    await client.connect()
    return (this.#client = client)
  }

  async end(): Promise<void> {
    await this.#last
    await this.#client?.end()
    this.#client = undefined
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
