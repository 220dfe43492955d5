import { knownDialects } from './dialect/known-dialects.ts'
import type { Reading } from './dialect/texts.ts'
import { reading as postgres } from './postgres/reading.ts'

/**
 * How the statements of a database are read, by its `db.system.name`. Those of a database that is not known here, as where
 * another copy of this package tells of them, are read as PostgreSQL's.
 */
export const readingOf = (system: string | undefined): Reading =>
  knownDialects().find(one => one.system === system)?.reading ?? postgres
