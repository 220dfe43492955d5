import fc from 'fast-check'

const TYPES = [
  'int',
  'bigint',
  'smallint',
  'text',
  'varchar(20)',
  'char(3)',
  'numeric(12,3)',
  'numeric',
  'boolean',
  'date',
  'timestamptz',
  'timestamp(3)',
  'interval',
  'jsonb',
  'uuid',
  'bytea',
  'double precision',
  'inet',
  'int[]',
  'text[]',
  'varchar(5)[]',
  'drawn.size',
  'drawn.size[]',
  'drawn.positive',
] as const

/** Created in the schema before any table. */
export const TYPES_OF_RANDOM_TABLES = `
create schema drawn;
create type drawn.size as enum ('s', 'M', 'x l');
create domain drawn.positive as int check (value > 0);`

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

/** Names that need no quotes, that need them, and that look like something else. */
const nameArbitrary = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/),
  fc.constantFrom(
    'select',
    'Mixed Case',
    'quo"ted',
    `it's`,
    'ümläut',
    '日本',
    'a.b',
    'x%y',
    '$1',
    'order',
    'tab\tbed',
    'back\\slash',
  ),
)

const columnArbitrary = fc.record({
  name: nameArbitrary,
  type: fc.constantFrom(...TYPES),
  notNull: fc.boolean(),
  special: fc.constantFrom('none', 'none', 'default', 'identity', 'generated', 'dropped'),
  comment: fc.option(fc.constantFrom('plain', `it's "so"`), { freq: 4 }),
})

const pick = fc.array(fc.nat(20), { minLength: 1, maxLength: 3 })

const tableArbitrary = fc.record({
  name: nameArbitrary,
  columns: fc.uniqueArray(columnArbitrary, { minLength: 1, maxLength: 9, selector: ({ name }) => name }),
  key: fc.option(pick, { freq: 4 }),
  uniques: fc.array(pick, { maxLength: 2 }),
  indexes: fc.array(fc.record({ columns: pick, unique: fc.boolean(), partial: fc.boolean() }), {
    maxLength: 2,
  }),
  check: fc.boolean(),
  /** The tables, by number, whose primary key this one refers to: itself and older ones. */
  references: fc.array(
    fc.record({
      to: fc.nat(6),
      action: fc.constantFrom('', 'on delete cascade', 'on update set null on delete restrict'),
    }),
    { maxLength: 2 },
  ),
})

export type DrawnTable = typeof tableArbitrary extends fc.Arbitrary<infer T> ? T : never
export const tablesArbitrary = fc.uniqueArray(tableArbitrary, {
  minLength: 2,
  maxLength: 6,
  selector: ({ name }) => name,
})

/** The statements that create them, in order. Types that cannot be in a key are left out of keys. */
export function statementsFor(tables: readonly DrawnTable[]): string[] {
  const keys = new Map<number, { columns: string[]; types: string[] }>()
  return tables.flatMap((table, number) => statementsOf(table, number, tables, keys))
}

function statementsOf(
  { name, columns, key, uniques, indexes, check, references }: DrawnTable,
  number: number,
  tables: readonly DrawnTable[],
  keys: Map<number, { columns: string[]; types: string[] }>,
): string[] {
  const own = `drawn.${quoted(name)}`
  const kept = columns.filter(({ special }) => special !== 'dropped')
  const usable = kept.filter(({ type, special }) => !/jsonb|\[\]/.test(type) && special !== 'generated')
  const chosen = (numbers: readonly number[]) => [
    ...new Set(
      numbers.map(at => usable[at % Math.max(usable.length, 1)]).filter(column => column !== undefined),
    ),
  ]
  const list = (some: readonly { name: string }[]) => some.map(({ name }) => quoted(name)).join(', ')
  const statements = [`create table ${own} (${columns.map(columnText).join(', ')})`]
  for (const { name, special } of columns) {
    if (special === 'dropped') statements.push(`alter table ${own} drop column ${quoted(name)}`)
  }
  for (const { name, comment, special } of columns) {
    if (comment !== null && special !== 'dropped') {
      statements.push(`comment on column ${own}.${quoted(name)} is '${comment.replaceAll("'", "''")}'`)
    }
  }
  const primary = key ? chosen(key) : []
  if (primary.length > 0) {
    statements.push(`alter table ${own} add primary key (${list(primary)})`)
    keys.set(number, { columns: primary.map(({ name }) => name), types: primary.map(({ type }) => type) })
  }
  for (const unique of uniques.map(chosen)) {
    if (unique.length > 0) statements.push(`alter table ${own} add unique (${list(unique)})`)
  }
  for (const { columns, unique, partial } of indexes) {
    const some = chosen(columns)
    if (some.length === 0) continue
    const where = partial ? ` where ${quoted(some[0]!.name)} is not null` : ''
    statements.push(`create ${unique ? 'unique ' : ''}index on ${own} (${list(some)})${where}`)
  }
  const [first] = kept
  if (check && first)
    statements.push(`alter table ${own} add check (${quoted(first.name)} is not null or 1 > 0)`)
  for (const [at, { to, action }] of references.entries()) {
    const other = to % (number + 1)
    const target = keys.get(other)
    if (!target) continue
    const made = target.types.map((type, part) => `add column "to_${at}_${part}" ${type}`)
    const names = target.types.map((_, part) => `"to_${at}_${part}"`).join(', ')
    statements.push(
      `alter table ${own} ${made.join(', ')}`,
      `alter table ${own} add foreign key (${names}) references drawn.${quoted(tables[other]!.name)}
        (${target.columns.map(quoted).join(', ')}) ${action}`,
    )
  }
  return statements
}

function columnText({ name, type, notNull, special }: DrawnTable['columns'][number]): string {
  const text = `${quoted(name)} ${type}`
  const nullability = notNull ? ' not null' : ''
  if (special === 'identity' && /^(int|bigint|smallint)$/.test(type))
    return `${text} generated by default as identity`
  if (special === 'generated') return `${text} generated always as (null::${type}) stored`
  return special === 'default' ? `${text} default null::${type}${nullability}` : text + nullability
}
