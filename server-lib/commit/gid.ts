import { createHash } from 'node:crypto'

/** The parts of a prepared transaction's name: its owner, and where its decision is. */
export interface Gid {
  readonly application: string
  /** The key of the decision row, a UUID. */
  readonly transaction: string
  /** The engine whose transaction is prepared under this name. */
  readonly engine: string
  /** The id that `install()` wrote into the database that holds the decision row. */
  readonly location: string
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const GID = new RegExp(`^enginelight:([A-Za-z0-9_.~-]{1,40}):(${UUID}):([A-Za-z0-9_-]{1,63}):(${UUID})$`)

/**
 * The name under which a transaction is prepared. A UUID makes it unique in the whole cluster. It stays below
 * PostgreSQL's limit of 200 bytes: 12 + 40 + 36 + 63 + 36 and three colons are 190.
 */
export function formatGid({ application, transaction, engine, location }: Gid): string {
  return `enginelight:${application}:${transaction}:${engine}:${location}`
}

/** The parts of a name; undefined for a name that is not ours. */
export function parseGid(text: string): Gid | undefined {
  const [, application, transaction, engine, location] = GID.exec(text) ?? []
  if (!application || !transaction || !engine || !location) return undefined
  return { application, transaction, engine, location }
}

/** An application's name as a gid can hold it. A name that is long or has other characters gets a hash, to stay unique. */
export function gidApplication(name: string | null): string {
  if (name === null) return 'unnamed'
  if (/^[A-Za-z0-9_.-]{1,40}$/.test(name)) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 12)
  return `${name.replace(/[^A-Za-z0-9_.-]/g, '').slice(0, 27)}~${hash}`
}
