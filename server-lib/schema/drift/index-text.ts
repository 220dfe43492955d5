import type { Index, IndexKey, Table } from '../table.ts'
import { agree } from './agree.ts'
import { reduced } from './expression.ts'

/** An index in words, as far as it is known: `unique btree (lower(code), at desc) include (note) where …`. */
export function indexText(index: Index): string {
  const { included = [], nullsNotDistinct, predicate, valid } = index
  return [
    bareText(index.keys.map(keyText), index),
    included.length > 0 && ` include (${included.join(', ')})`,
    nullsNotDistinct && ' nulls not distinct',
    predicate !== null && ` where ${predicate}`,
    valid === false && ', not valid',
  ]
    .filter(part => part)
    .join('')
}

function bareText(keys: readonly string[], { unique, method }: Index): string {
  return `${unique ? 'unique ' : ''}${method} (${keys.join(', ')})`
}

function keyText({ column, expression, descending = false, nullsFirst, ...key }: IndexKey): string {
  const { collation, operatorClass } = key
  return [
    column ?? expression,
    collation && ` collate ${collation}`,
    operatorClass && ` ${operatorClass}`,
    descending && ' desc',
    nullsFirst !== undefined && nullsFirst !== descending && ` nulls ${nullsFirst ? 'first' : 'last'}`,
  ]
    .filter(part => part)
    .join('')
}

/** Whether an index has everything that the models say of it. */
export function sameIndex(table: Table, there: Index, wanted: Index): boolean {
  const bare = (index: Index) =>
    reduced(
      bareText(
        index.keys.map(({ column, expression }) => column ?? expression ?? ''),
        index,
      ),
    )
  return (
    bare(there) === bare(wanted) &&
    reduced(there.predicate ?? '') === reduced(wanted.predicate ?? '') &&
    isUsable(there) === isUsable(wanted) &&
    agree(there.nullsNotDistinct, wanted.nullsNotDistinct) &&
    sameIncluded(there, wanted) &&
    there.keys.length === wanted.keys.length &&
    there.keys.every((key, at) => sameKey(table, key, wanted.keys[at]!))
  )
}

export function isUsable({ valid }: Index): boolean {
  return valid !== false
}

/** In any order: included columns are not sorted by. */
export function sameIncluded(there: Pick<Index, 'included'>, wanted: Pick<Index, 'included'>): boolean {
  return agree(there.included?.toSorted().join('\0'), wanted.included?.toSorted().join('\0'))
}

/** Whether two keys keep their values in the same way: the same order, collation and operator class. */
export function sameKey(table: Table, there: IndexKey, wanted: IndexKey): boolean {
  return (
    agree(there.descending, wanted.descending) &&
    agree(there.nullsFirst, wanted.nullsFirst) &&
    agree(bareName(there.collation), bareName(wanted.collation)) &&
    (agree(bareName(there.operatorClass), bareName(wanted.operatorClass)) ||
      (there.operatorClass === null && isDefaultClass(table, there, wanted.operatorClass!)))
  )
}

/** The name without schema and quotes. The collation `default` mostly means the column's own. */
function bareName(name: string | null | undefined): string | null | undefined {
  const bare = name?.slice(name.lastIndexOf('.') + 1).replaceAll('"', '')
  return bare === undefined ? name : bare === 'default' ? null : bare
}

const DEFAULT_CLASSES = new Set('array_ops enum_ops range_ops multirange_ops text_ops varchar_ops'.split(' '))

/** Whether the models name the type's default class, which the database leaves out. */
function isDefaultClass(table: Table, { column }: IndexKey, name: string): boolean {
  const type = table.columns.find(known => known.name === column)?.typeName
  return DEFAULT_CLASSES.has(name) || name === `${type}_ops`
}
