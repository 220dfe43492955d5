import { DECISION_TABLE, LOCATION_TABLE } from '../postgres/two-phase/decision.ts'

/** The tables of `engines.install()` get no types, and no model has them. */
export const isOwnTable = ({ schema, name }: { schema: string; name: string }): boolean =>
  OWN_TABLES.has(`${schema}.${name}`)

const OWN_TABLES: ReadonlySet<string> = new Set([DECISION_TABLE, LOCATION_TABLE])
