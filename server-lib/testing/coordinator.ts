import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { insertDecision, LOCATION_TABLE } from '../postgres/two-phase/decision.ts'
import { formatGid, gidApplication } from '../commit/gid.ts'
import type { TestDatabase } from './database.ts'

export interface CoordinatorOptions {
  application?: string
  /** The engine that is prepared, and the one that holds the decision. */
  engine?: string
  idleTimeoutMs?: number
  location?: string
}

/**
 * A two-phase commit by hand, step by step, with the statements of the library's own: one that stands still between any
 * two of them, or dies. It writes a row with its transaction's id into the table `t` of both databases.
 */
export class Coordinator implements AsyncDisposable {
  readonly transaction = randomUUID()
  readonly gid: string
  readonly #application: string
  readonly #engine: string
  readonly #database: string
  readonly #idleTimeoutMs: number
  readonly #last: pg.Client
  readonly #other: pg.Client

  private constructor(
    last: pg.Client,
    other: pg.Client,
    database: string,
    location: string,
    { application = 'recovery', engine = 'writer', idleTimeoutMs = 60_000 }: CoordinatorOptions,
  ) {
    this.#last = last
    this.#other = other
    this.#database = database
    this.#engine = engine
    this.#idleTimeoutMs = idleTimeoutMs
    this.#application = gidApplication(application)
    this.gid = formatGid({
      application: this.#application,
      transaction: this.transaction,
      engine,
      location,
    })
  }

  /** Prepares in `other`, decides in `last`; both have `install.sql`. */
  static async between(
    last: TestDatabase,
    other: TestDatabase,
    options: CoordinatorOptions = {},
  ): Promise<Coordinator> {
    const [row] = await last.admin<{ id: string }>(`select id from ${LOCATION_TABLE}`)
    const open = async ({ url }: TestDatabase) => {
      const client = new pg.Client({ connectionString: url, application_name: 'coordinator' })
      client.on('error', () => {})
      await client.connect()
      return client
    }
    return new Coordinator(
      await open(last),
      await open(other),
      other.name,
      options.location ?? row?.id ?? '',
      options,
    )
  }

  async write(): Promise<this> {
    for (const client of [this.#last, this.#other]) {
      await client.query('begin')
      await client.query('insert into t (name) values ($1)', [this.transaction])
    }
    return this
  }

  async insertDecision(): Promise<this> {
    const parts = [{ engine: this.#engine, database: this.#database, gid: this.gid }]
    const limits = { idleTimeoutMs: this.#idleTimeoutMs, lockTimeoutMs: 5_000 }
    await this.#last.query(insertDecision(this.transaction, this.#application, parts, limits))
    return this
  }

  async prepare(): Promise<this> {
    await this.#other.query(`prepare transaction '${this.gid}'`)
    return this
  }

  /** Everything up to and with PREPARE: what is left undecided. */
  async toPrepared(): Promise<this> {
    await this.write()
    await this.insertDecision()
    return this.prepare()
  }

  /** The decision. */
  async commit(): Promise<this> {
    await this.#last.query('commit')
    return this
  }

  async commitPrepared(): Promise<string> {
    return (await this.#other.query(`commit prepared '${this.gid}'`)).command
  }

  async forget(): Promise<void> {
    await this.#last.query('delete from public.enginelight_decision where transaction = $1', [
      this.transaction,
    ])
  }

  /** Both of its connections end: what was not prepared or committed is rolled back. */
  async die(): Promise<void> {
    await Promise.allSettled([this.#last.end(), this.#other.end()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die()
  }
}
