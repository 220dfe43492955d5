import { EnginelightError } from '../../channels/errors.ts'
import { ANYTHING, checkOptions, type Asker, type Needs } from '../../channels/options.ts'
import { shorten } from './shorten.ts'
import { checkTemplate, fill, type NameParts, type NameTemplate } from './template.ts'

/** Index, unique constraint, check, foreign key, primary key: SQLAlchemy's names for them. */
export type NamingKey = 'ix' | 'uq' | 'ck' | 'fk' | 'pk'

/**
 * As Alembic recommends, but with all columns instead of the first. For a single column the name is the same, and two
 * constraints that begin with the same column get two names.
 */
const DEFAULTS: Readonly<Record<NamingKey, NameTemplate>> = {
  ix: 'ix_%(table_name)s_%(column_0_N_name)s',
  uq: 'uq_%(table_name)s_%(column_0_N_name)s',
  ck: 'ck_%(table_name)s_%(constraint_name)s',
  fk: 'fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s',
  pk: 'pk_%(table_name)s',
}

const NEEDS: Needs<typeof DEFAULTS> = { ix: ANYTHING, uq: ANYTHING, ck: ANYTHING, fk: ANYTHING, pk: ANYTHING }
const ASKER: Asker = {
  name: 'namingConvention()',
  noOption: (key, known) => `There is no convention "${key}"; there are ${known}.`,
}

/** Names of constraints and indexes, for migrations and for `lintNames`. PostgreSQL keeps each of them whole. */
export interface NamingConvention {
  readonly templates: Readonly<Record<NamingKey, NameTemplate>>
  /** `table.primary(['id'], { constraintName: names.pk('orders') })` */
  pk(table: string, columns?: Names): string
  /** `table.unique(['code'], { indexName: names.uq('orders', 'code') })` */
  uq(table: string, columns: Names): string
  /** `table.foreign('customer_id', names.fk('orders', 'customer_id', 'customers')).references('customers.id')` */
  fk(table: string, columns: Names, referredTable: string, referredColumns?: Names): string
  /** `table.check('price > 0', {}, names.ck('orders', 'positive_price'))`: what it checks, in a word. */
  ck(table: string, name: string): string
  /** `table.index(['state', 'at'], names.ix('orders', ['state', 'at']))` */
  ix(table: string, columns: Names): string
}

type Names = string | readonly string[]

/**
 * Makes the names of a database's constraints and indexes. A template is SQLAlchemy's text (`pk_%(table_name)s`), so
 * that a convention can be shared with a Python application, or a function of the parts. Keys that are left out follow
 * Alembic's recommendation. Names over PostgreSQL's 63 bytes end in a hash, as SQLAlchemy shortens them.
 *
 * Throws EL_CONFIG for an unknown key or token.
 */
export function namingConvention(templates: Partial<Record<NamingKey, NameTemplate>> = {}): NamingConvention {
  checkOptions(ASKER, templates, NEEDS)
  for (const [key, template] of Object.entries(templates)) {
    if (template !== undefined) checkTemplate(key, template)
  }
  const given = Object.entries(templates).filter(([, template]) => template !== undefined)
  const all = { ...DEFAULTS, ...(Object.fromEntries(given) as typeof templates) }
  const name = (key: NamingKey, parts: Partial<NameParts>) => nameOf(key, all[key], parts)
  return {
    templates: all,
    pk: (table, columns = []) => name('pk', { table, columns: list(columns) }),
    uq: (table, columns) => name('uq', { table, columns: list(columns) }),
    fk: (table, columns, referredTable, referredColumns = []) =>
      name('fk', { table, columns: list(columns), referredTable, referredColumns: list(referredColumns) }),
    ck: (table, constraint) => name('ck', { table, name: constraint }),
    ix: (table, columns) => name('ix', { table, columns: list(columns) }),
  }
}

const list = (names: Names): readonly string[] => (typeof names === 'string' ? [names] : names)

function nameOf(key: NamingKey, template: NameTemplate, parts: Partial<NameParts>): string {
  const made = fill(template, {
    table: '',
    columns: [],
    referredTable: '',
    referredColumns: [],
    name: '',
    ...parts,
  })
  if (typeof made !== 'string' || made === '') {
    throw new EnginelightError(
      'EL_CONFIG',
      `The convention "${key}" gives no name for table "${parts.table}".`,
      {
        option: key,
      },
    )
  }
  return shorten(made)
}
