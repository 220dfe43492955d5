import { DECISION_TABLE, LOCATION_TABLE } from '../postgres/two-phase/decision.ts'

/** What `engines.install()` has made is nobody's to type, and no model has it. */
export const isOwnTable = ({ schema, name }: { schema: string; name: string }): boolean =>
  OWN_TABLES.has(`${schema}.${name}`)

const OWN_TABLES: ReadonlySet<string> = new Set([DECISION_TABLE, LOCATION_TABLE])
