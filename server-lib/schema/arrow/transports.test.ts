import { execFile } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import { cellsOf } from '../../testing/arrow-cells.ts'
import { startPostgres, type RunningPostgres } from '../../testing/postgres.ts'
import { arrowBatches, toArrow } from '../index.ts'

let folder: string
let server: RunningPostgres
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enginelight-transports-'))
  // The server may run as another user than we do.
  await chmod(folder, 0o777)
  server = await startPostgres({ settings: { unix_socket_directories: folder } })
  const client = new pg.Client(server.url)
  await client.connect()
  try {
    const { rows } = await client.query('show data_directory')
    const { uid, gid } = await stat(rows[0].data_directory)
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const openssl = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout ${key} -out ${certificate}`
    await promisify(execFile)('openssl', openssl.split(' '))
    for (const file of [key, certificate]) {
      await chmod(file, 0o600)
      await chown(file, uid, gid)
    }
    await client.query(`alter system set ssl_key_file = '${key}'`)
    await client.query(`alter system set ssl_cert_file = '${certificate}'`)
    await client.query('alter system set ssl = on')
    await client.query('select pg_reload_conf()')
  } finally {
    await client.end()
  }
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

const WAYS = {
  TLS: () => ({ host: '127.0.0.1', ssl: { rejectUnauthorized: false } }),
  'a Unix socket': () => ({ host: folder }),
}
const WHICH = `select coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as ssl,
  (select client_addr is null from pg_stat_activity where pid = pg_backend_pid()) as local`

test.each(['TLS', 'a Unix socket'] as const)('the bytes of rows are read off %s as well', async way => {
  const account = { user: 'postgres', password: 'postgres', database: 'postgres', port: server.port }
  await using engines = createEngines({
    main: engine()({ connection: { ...account, ...WAYS[way]() }, pool: { max: 1 } }),
  })
  await engines.scope(async db => {
    const isTls = way === 'TLS'
    expect((await db.main.query(WHICH)).rows).toEqual([{ ssl: isTls, local: !isTls }])
    const text = `select g, repeat('é', g % 50) as t, array[g, null] as a from generate_series(1, 20000) as g`
    const table = await toArrow({ session: db.main, text })
    expect(cellsOf(table)[0]).toEqual(Array.from({ length: 20_000 }, (_, at) => String(at + 1)))
    let rows = 0
    for await (const batch of arrowBatches({ session: db.main, text }, { batchRows: 777 }))
      rows += batch.numRows
    expect(rows).toBe(20_000)
    for await (const _ of arrowBatches({ session: db.main, text }, { batchRows: 777 })) break
    // A row larger than a TLS record, and than a chunk read from the socket.
    const large = { session: db.main, text: `select repeat('é', 3000000) as t from generate_series(1, 4)` }
    expect((await toArrow(large)).getChildAt(0)?.get(3)).toBe('é'.repeat(3_000_000))
    const failing = 'select 1 / (5000 - g) from generate_series(1, 10000) as g'
    await expect(toArrow({ session: db.main, text: failing })).rejects.toMatchObject({ code: '22012' })
    await db.main.rollback()
    expect((await db.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })
})
