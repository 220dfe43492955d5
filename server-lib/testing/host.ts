import pg from 'pg'
import type { TestDatabase } from './database.ts'

/** A host with a pool of its own and one transaction at a time in hand, as an ORM has it. */
export interface TestHost {
  readonly pool: pg.Pool
  /** The client of the transaction that is open; null between two. */
  current: pg.PoolClient | null
  begin(text?: string): Promise<pg.PoolClient>
  commit(): Promise<string>
  rollback(): Promise<void>
  close(): Promise<void>
}

export function openHost(database: Pick<TestDatabase, 'url'>, config: pg.PoolConfig = {}): TestHost {
  const pool = new pg.Pool({ connectionString: database.url, max: 2, ...config })
  pool.on('error', () => {})
  const end = async (text: string) => {
    const client = host.current
    if (!client) throw new Error('the host has no transaction')
    host.current = null
    try {
      return (await client.query(text)).command
    } finally {
      client.release()
    }
  }
  const host: TestHost = {
    pool,
    current: null,
    async begin(text = 'BEGIN') {
      const client = await pool.connect()
      await client.query(text)
      return (host.current = client)
    },
    commit: () => end('COMMIT'),
    rollback: () => end('ROLLBACK').then(() => {}),
    async close() {
      host.current?.release(true)
      host.current = null
      await pool.end()
    },
  }
  return host
}
