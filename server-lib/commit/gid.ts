import { createHash } from 'node:crypto'

/** What a prepared transaction's name says: whose it is, and where its decision is to be found. */
export interface Gid {
  readonly application: string
  /** The key of the decision row, a UUID. */
  readonly transaction: string
  /** The engine whose work is prepared under this name. */
  readonly engine: string
  /** The id that `install()` wrote into the database that holds the decision row. */
  readonly location: string
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const GID = new RegExp(`^enginelight:([A-Za-z0-9_.~-]{1,40}):(${UUID}):([A-Za-z0-9_-]{1,63}):(${UUID})$`)

/**
 * The name under which a transaction is prepared: unique in the whole cluster, since it has a UUID, and less than 200
 * bytes, which is PostgreSQL's limit: 12 + 40 + 36 + 63 + 36 and three colons are 190.
 */
export function formatGid({ application, transaction, engine, location }: Gid): string {
  return `enginelight:${application}:${transaction}:${engine}:${location}`
}

/** Undefined for a name that is not one of ours. */
export function parseGid(text: string): Gid | undefined {
  const [, application, transaction, engine, location] = GID.exec(text) ?? []
  if (!application || !transaction || !engine || !location) return undefined
  return { application, transaction, engine, location }
}

/** An application's name as a gid can hold it. One that is long, or has other characters, is told apart by a hash. */
export function gidApplication(name: string | null): string {
  if (name === null) return 'unnamed'
  if (/^[A-Za-z0-9_.-]{1,40}$/.test(name)) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 12)
  return `${name.replace(/[^A-Za-z0-9_.-]/g, '').slice(0, 27)}~${hash}`
}
