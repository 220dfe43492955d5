import type { Schema, Table } from '../table.ts'
import { checkSchema } from '../check-schema.ts'
import { namingConvention, type NamingConvention } from './naming-convention.ts'
import { mayBeShortened } from './shorten.ts'
import { fill } from './template.ts'

/** A constraint or an index whose name does not follow the convention. */
export interface Misnamed {
  readonly schema: string
  readonly table: string
  readonly kind: 'primary key' | 'unique' | 'foreign key' | 'check' | 'index'
  readonly name: string
  /** The name it should have, with a number appended if that is taken. */
  readonly expected: string
  /** The statement that renames it. All of them can be run in order. */
  readonly alter: string
}

interface Named extends Omit<Misnamed, 'expected' | 'alter'> {
  readonly expected: string
  /** Whether another name is acceptable too. */
  readonly isRight: (name: string) => boolean
}

/**
 * What in a reflected schema does not follow the naming convention, and the statements that rename it. Not checked are
 * partitions and inherited checks, which get their names from the parent table; indexes over expressions, which have no
 * columns to be named after; exclusion constraints; and whatever models leave unnamed. The default convention is that
 * of `namingConvention()`.
 */
export function lintNames(schema: Schema, convention: NamingConvention = namingConvention()): Misnamed[] {
  checkSchema('lintNames()', schema)
  const named = schema.tables.flatMap(table => (table.partitionOf === null ? namesOf(table, convention) : []))
  // Tables, indexes and index-backed keys share one namespace per schema; other constraints have one per table.
  const taken = new Set(schema.tables.flatMap(({ schema, name }) => [`${schema}.${name}`]))
  for (const one of schema.tables.flatMap(allNames)) taken.add(one)
  const wrong = named.filter(({ name, expected, isRight }) => name !== expected && !isRight(name))
  return wrong.map(one => {
    const { schema, table, kind, name } = one
    let { expected } = one
    for (let number = 2; taken.has(`${placeOf(one)}.${expected}`); number++)
      expected = `${one.expected}_${number}`
    taken.add(`${placeOf(one)}.${expected}`)
    return { schema, table, kind, name, expected, alter: alter(one, expected) }
  })
}

const placeOf = ({ schema, table, kind }: Pick<Named, 'schema' | 'table' | 'kind'>): string =>
  kind === 'foreign key' || kind === 'check' ? `${schema}.${table}` : schema

const allNames = ({
  schema,
  name,
  primaryKey,
  uniques,
  indexes,
  exclusions,
  foreignKeys,
  checks,
}: Table): string[] => [
  ...[primaryKey, ...uniques, ...indexes, ...exclusions].map(one => `${schema}.${one?.name}`),
  ...[primaryKey, ...uniques, ...foreignKeys, ...checks, ...exclusions].map(
    one => `${schema}.${name}.${one?.name}`,
  ),
]

function namesOf(table: Table, names: NamingConvention): Named[] {
  const { schema, name: own } = table
  const found: Named[] = []
  const add = (kind: Named['kind'], name: string | null, expected: string, isRight?: Named['isRight']) => {
    if (name === null) return
    const numbered = (name: string) =>
      name.startsWith(`${expected}_`) && /^\d+$/.test(name.slice(expected.length + 1))
    found.push({ schema, table: own, kind, name, expected, isRight: isRight ?? numbered })
  }
  const { primaryKey, uniques, foreignKeys, checks, indexes } = table
  if (primaryKey) add('primary key', primaryKey.name, names.pk(own, primaryKey.columns))
  for (const { name, columns } of uniques) add('unique', name, names.uq(own, columns))
  for (const { name, columns, references } of foreignKeys) {
    add('foreign key', name, names.fk(own, columns, references.table, references.columns))
  }
  for (const { name, inherited } of checks) {
    if (name === null || inherited) continue
    add('check', name, names.ck(own, wordOf(name, own)), name => isCheckOf(own, name, names))
  }
  for (const { name, keys } of indexes) {
    const columns = keys.map(({ column }) => column).filter(column => column !== null)
    if (columns.length === keys.length) add('index', name, names.ix(own, columns))
  }
  return found
}

/** The word inside a check name that PostgreSQL chose: `orders_price_check`. */
const wordOf = (name: string, table: string): string => {
  const word = name.startsWith(`${table}_`) ? name.slice(table.length + 1) : name
  return word.replace(/_check(\d*)$/, '$1') || name
}

/** A check's name contains a free word: any word is accepted. */
function isCheckOf(table: string, name: string, { templates }: NamingConvention): boolean {
  const mark = '\u0000'
  const parts = { table, columns: [], referredTable: '', referredColumns: [], name: mark }
  const [before = '', after] = fill(templates.ck, parts).split(mark)
  // A convention for checks without the word allows one in each table.
  if (after === undefined) return false
  const hasWord = name.length > before.length + after.length
  return (hasWord && name.startsWith(before) && name.endsWith(after)) || mayBeShortened(name, before)
}

function alter({ schema, table, kind, name }: Omit<Named, 'expected' | 'isRight'>, expected: string): string {
  const to = quoted(expected)
  return kind === 'index'
    ? `alter index ${quoted(schema)}.${quoted(name)} rename to ${to}`
    : `alter table ${quoted(schema)}.${quoted(table)} rename constraint ${quoted(name)} to ${to}`
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
