import { EnginelightError } from '../../channels/errors.ts'
import type { EnumType, Schema } from '../table.ts'
import { buildTable } from './build-table.ts'
import { cached } from './cache.ts'
import { chosenRelations } from './choose.ts'
import { readColumns } from './columns.ts'
import { readConstraints } from './constraints.ts'
import { readIndexes } from './indexes.ts'
import { checkReflect, type ReflectOptions } from './options.ts'
import { bySchemaAndName } from './order.ts'
import type { Queryable } from './queryable.ts'
import { readRelations } from './relations.ts'
import { readTypes, type TypeRow } from './types.ts'

/**
 * Reads tables, views and enums from the catalogue, on the given session: with its search path and its uncommitted
 * changes. Takes five statements, however many tables there are, and one more with a `cache`. The same catalogue and
 * search path give the same result, to the byte. Needs only the right to connect; PostgreSQL 13 and newer.
 *
 * Types, defaults and expressions are printed as the session would have to write them: a type outside of its search
 * path has its schema. Each statement sees what is committed by then; if tables may change meanwhile, read in a
 * transaction with the isolation `repeatable read`.
 *
 * Throws EL_CONFIG, EL_UNKNOWN_SCHEMA and EL_UNKNOWN_TABLE.
 */
export async function reflect(session: Queryable, options: ReflectOptions = {}): Promise<Schema> {
  if (typeof session?.query !== 'function') {
    throw new EnginelightError(
      'EL_CONFIG',
      'reflect() takes a session, or anything else with query(text, values) that resolves to rows: of a knex use engines.open(), or a client of pg.',
    )
  }
  checkReflect(options)
  const { cache } = options
  return cache === undefined
    ? read(session, options)
    : cached(session, cache, options, () => read(session, options))
}

async function read(session: Queryable, options: ReflectOptions): Promise<Schema> {
  const all = await readRelations(session, options.schemas)
  const relations = chosenRelations(all, options)
  const oids = relations.map(({ oid }) => oid)
  const columns = await readColumns(session, oids)
  const constraints = await readConstraints(session, oids, all.version)
  const indexes = await readIndexes(session, oids, all.version)
  const used = new Set<number>()
  for (const rows of columns.values()) for (const { typeId } of rows) used.add(typeId)
  const types = await readTypes(session, used, options.only === undefined ? all.schemas : [])
  return {
    tables: relations
      .map(relation =>
        buildTable({
          relation,
          columns: columns.get(relation.oid) ?? [],
          constraints: constraints.get(relation.oid) ?? [],
          indexes: indexes.get(relation.oid) ?? [],
          types,
        }),
      )
      .sort(bySchemaAndName),
    enums: enumsAmong(types),
  }
}

/** The enums of the schemas, and those that a column uses, in any schema. With `only`, just the latter. */
function enumsAmong(types: ReadonlyMap<number, TypeRow>): EnumType[] {
  return [...types.values()]
    .filter(({ kind }) => kind === 'e')
    .map(({ schema, name, labels, comment }) => ({ schema, name, values: labels ?? [], comment }))
    .sort(bySchemaAndName)
}
