import { statfs } from 'node:fs/promises'
import {
  startPostgres as start,
  type PostgresOptions,
  type RunningPostgres,
} from '../../scripts/postgres/server.js'

export type { RunningPostgres }

/** A file system in memory. Each test file makes a database, which is three hundred files. */
const MEMORY = '/dev/shm'
const ROOM_BYTES = 2 * 1024 ** 3

/** A PostgreSQL of the tests' own: in memory, where there is room. */
export async function startPostgres({
  settings,
  ...options
}: PostgresOptions = {}): Promise<RunningPostgres> {
  const parent = (await hasRoom()) ? MEMORY : undefined
  return start({ ...options, settings: { max_wal_size: '512MB', ...settings }, parent })
}

/** In a container it is often as small as 64 MB. */
const hasRoom = () =>
  statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize > ROOM_BYTES,
    () => false,
  )
