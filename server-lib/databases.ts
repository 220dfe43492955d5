import { know } from './dialect/known-dialects.ts'
import { knowDatabase, type Database } from './engines/database.ts'
import { database as postgres } from './postgres/index.ts'

/** The databases that Enginelight knows. The first is the one for a `connection` that does not say, and for hosts. */
const DATABASES: readonly Database[] = [postgres]

/** Called before the first engine. No side effect of an import, because bundlers leave those out. */
export function knowDatabases(): void {
  for (const database of DATABASES) {
    know(database.dialect)
    knowDatabase(database)
  }
}
