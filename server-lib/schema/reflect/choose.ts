import { EnginelightError } from '../../channels/errors.ts'
import type { Only, ReflectOptions } from './options.ts'
import { byText } from './order.ts'
import type { Relation, Relations } from './relations.ts'

/** More names than these are no help. */
const NAMES_TOLD = 20

/** The wanted relations. Throws for a schema or a table that does not exist: mostly it is a typing error. */
export function chosenRelations(
  { schemas: found, relations }: Relations,
  { schemas, only }: ReflectOptions,
): readonly Relation[] {
  if (schemas === undefined && found.length === 0) {
    throw new EnginelightError(
      'EL_UNKNOWN_SCHEMA',
      `The session's search path holds no schema: name those to be read in "schemas".`,
    )
  }
  const missing = Array.isArray(schemas) ? schemas.filter(name => !found.includes(name)) : []
  if (missing.length > 0) {
    throw new EnginelightError(
      'EL_UNKNOWN_SCHEMA',
      `There is no schema ${quoted(missing)} in this database. Names are taken as they are in the catalogue, without quotes.`,
    )
  }
  if (only === undefined) return relations
  const chosen = relations.filter(relation => isWanted(relation, only))
  if (Array.isArray(only)) checkAllFound(only, relations, found)
  return chosen
}

function isWanted({ schema, name, kind }: Relation, only: Only): boolean {
  if (typeof only === 'function') return only({ schema, name, kind })
  // A copy, because a global pattern would resume where it stopped before.
  if (only instanceof RegExp) return new RegExp(only).test(`${schema}.${name}`)
  return only.includes(name) || only.includes(`${schema}.${name}`)
}

function checkAllFound(
  only: readonly string[],
  relations: readonly Relation[],
  schemas: readonly string[],
): void {
  const names = new Set(relations.flatMap(({ schema, name }) => [name, `${schema}.${name}`]))
  const missing = only.filter(name => !names.has(name))
  if (missing.length === 0) return
  const known = [...new Set(relations.map(({ name }) => name))].sort(byText)
  const told = known.length > NAMES_TOLD ? [...known.slice(0, NAMES_TOLD), '…'] : known
  throw new EnginelightError(
    'EL_UNKNOWN_TABLE',
    `There is no table or view ${quoted(missing)} in the schemas ${quoted(schemas)}; there are ${told.join(', ') || 'none'}.`,
    { known },
  )
}

const quoted = (names: readonly string[]) => names.map(name => `"${name}"`).join(', ')
