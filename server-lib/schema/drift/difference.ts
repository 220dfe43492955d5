/** What kind of thing differs. */
export type DifferenceKind =
  | 'missing table'
  | 'extra table'
  | 'kind of relation'
  | 'missing column'
  | 'extra column'
  | 'type'
  | 'nullability'
  | 'default'
  | 'identity'
  | 'generated'
  | 'collation'
  | 'comment'
  | 'missing enum'
  | 'enum values'
  | 'primary key'
  | 'missing unique'
  | 'extra unique'
  | 'missing foreign key'
  | 'extra foreign key'
  | 'foreign key action'
  | 'deferrability'
  | 'nulls'
  | 'overlaps'
  | 'included columns'
  | 'match'
  | 'validity'
  | 'check'
  | 'missing check'
  | 'extra check'
  | 'exclusion'
  | 'missing exclusion'
  | 'extra exclusion'
  | 'missing index'
  | 'extra index'
  | 'index'
  | 'name'

/** One way in which the database differs from the models. */
export interface Difference {
  readonly kind: DifferenceKind
  readonly schema: string
  /** Null for an enum. */
  readonly table: string | null
  readonly column: string | null
  /** The name of the constraint, index or enum. */
  readonly name: string | null
  /** What the models say; null if they have nothing there. */
  readonly models: string | null
  /** What the database has; null if it has nothing there. */
  readonly database: string | null
  /** The same as a sentence. */
  readonly words: string
}

export type Found = Omit<Difference, 'words'>

export function difference(found: Found): Difference {
  return { ...found, words: sentence(found) }
}

function sentence({ kind, schema, table, column, name, models, database }: Found): string {
  const place = [schema, table ?? name, column].filter(part => part !== null).join('.')
  const called = name === null ? '' : ` "${name}"`
  switch (kind) {
    case 'missing table':
      return `The models have ${models} ${place}, and the database does not.`
    case 'extra table':
      return `The database has ${database} ${place}, and the models do not.`
    case 'kind of relation':
      return `${place} is a ${models} in the models and a ${database} in the database.`
    case 'missing column':
      return `The models have a column ${place} (${models}), and the database does not.`
    case 'extra column':
      return `The database has a column ${place} (${database}), and the models do not.`
    case 'nullability':
      return `${place} is ${models} in the models and ${database} in the database.`
    case 'missing enum':
      return `The models have an enum ${place} (${models}), and the database does not.`
    case 'missing unique':
    case 'missing foreign key':
    case 'missing check':
    case 'missing exclusion':
    case 'missing index':
      return `${place} should have ${LABELS[kind]}${called}, ${models}, and the database has none like it.`
    case 'extra unique':
    case 'extra foreign key':
    case 'extra check':
    case 'extra exclusion':
    case 'extra index':
      return `${place} has ${LABELS[kind]}${called} in the database, ${database}, and the models do not.`
    case 'name':
      return `What the models call "${models}" on ${place} is called "${database}" in the database.`
    case 'type':
    case 'default':
    case 'identity':
    case 'generated':
    case 'collation':
    case 'comment':
    case 'enum values':
    case 'primary key':
    case 'foreign key action':
    case 'deferrability':
    case 'nulls':
    case 'overlaps':
    case 'included columns':
    case 'match':
    case 'validity':
    case 'check':
    case 'exclusion':
    case 'index':
      return `The ${LABELS[kind]} of ${place}${table === null ? '' : called} is ${models ?? 'none'} in the models and ${database ?? 'none'} in the database.`
    default:
      return kind satisfies never
  }
}

const LABELS = {
  'missing unique': 'a unique constraint',
  'missing foreign key': 'a foreign key',
  'missing check': 'a check',
  'missing exclusion': 'an exclusion constraint',
  'missing index': 'an index',
  'extra unique': 'a unique constraint',
  'extra foreign key': 'a foreign key',
  'extra check': 'a check',
  'extra exclusion': 'an exclusion constraint',
  'extra index': 'an index',
  type: 'type',
  default: 'default',
  identity: 'counting',
  generated: 'expression',
  collation: 'collation',
  comment: 'comment',
  'enum values': 'list of values',
  'primary key': 'primary key',
  'foreign key action': 'foreign key',
  deferrability: 'deferrability',
  nulls: 'treatment of nulls',
  overlaps: 'treatment of overlaps',
  'included columns': 'list of included columns',
  match: 'treatment of nulls',
  validity: 'validity',
  check: 'check',
  exclusion: 'exclusion constraint',
  index: 'index',
} as const
