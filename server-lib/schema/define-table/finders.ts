import type { Knex } from 'knex'
import { EnginelightError } from '../../errors.ts'
import { unknownColumn } from '../unknown-column.ts'
import type { CheckedTable } from './definition.ts'
import { literalPattern } from './like.ts'
import { checkPage, type Page } from './page.ts'

/** Where a finder runs: a session of any access, or a knex or knex transaction. */
export interface RunsBuilders {
  (table: any): unknown
  raw(sql: string, bindings?: any): unknown
}

export type ColumnOf<Row> = keyof Row & string

/** One value where the primary key is one column, `{ order_id: 1, line: 2 }` where it is several. */
export type IdOf<Row> = Row[ColumnOf<Row>] | Partial<Row>

export interface RangeOptions<Row> extends Page {
  /** A column, or several, in the order in which they decide. Default: the primary key. */
  readonly orderBy?: ColumnOf<Row> | readonly ColumnOf<Row>[]
  /** Of all columns alike. Default `'asc'`. */
  readonly direction?: 'asc' | 'desc'
  /** False sorts texts as if they were in small letters; other types are sorted as they are. Default true. */
  readonly caseSensitive?: boolean
  /** What the rows must have: values by column (null is null, a list is any of it), or a function that is given knex's builder. */
  readonly where?:
    | { readonly [Column in ColumnOf<Row>]?: Row[Column] | null | readonly Row[Column][] }
    | ((query: Knex.QueryBuilder) => void)
}

/** The finders of one table. */
export class Finders<Row> {
  /** As a query calls it: `shop.users`. */
  readonly name: string
  readonly columns: readonly ColumnOf<Row>[]
  readonly primaryKey: readonly ColumnOf<Row>[]

  constructor(table: CheckedTable) {
    this.name = table.name
    this.columns = table.columns as ColumnOf<Row>[]
    this.primaryKey = table.primaryKey as ColumnOf<Row>[]
  }

  /**
   * The row with this primary key, or with this value in `idColumn`: of several the first by primary key. Undefined where
   * there is none. A list is EL_CONFIG: `getByIds` takes one; so is undefined or null, which no key is.
   */
  async getById(
    on: RunsBuilders,
    id: IdOf<Row>,
    options: { readonly idColumn?: ColumnOf<Row> } = {},
  ): Promise<Row | undefined> {
    if (Array.isArray(id)) {
      throw this.#wrong('getById', 'was given a list. getByIds takes one.', 'id')
    }
    const [row] = await this.#byIds(on, 'getById', [id], options.idColumn, 1)
    return row
  }

  /** The rows with these keys, each once, in the order of the primary key. A key that no row has is left out; no keys, no query. */
  async getByIds(
    on: RunsBuilders,
    ids: readonly IdOf<Row>[],
    options: { readonly idColumn?: ColumnOf<Row> } = {},
  ): Promise<Row[]> {
    if (!Array.isArray(ids)) throw this.#wrong('getByIds', 'takes a list. getById takes one key.', 'ids')
    return this.#byIds(on, 'getByIds', ids, options.idColumn)
  }

  /**
   * The row whose column is this text, whatever the case of its letters; undefined where there is none, and EL_MANY_ROWS
   * where there are several. With `allowMany` the rows, in the order of the primary key: an empty list where there is none.
   * The server makes small letters of both sides, `lower(column)`, for which an index may stand. A column that is no text
   * is compared as it is written.
   */
  getByColumnLower(
    on: RunsBuilders,
    column: ColumnOf<Row>,
    search: string,
    options: Page & { readonly allowMany: true },
  ): Promise<Row[]>
  getByColumnLower(
    on: RunsBuilders,
    column: ColumnOf<Row>,
    search: string,
    options?: { readonly allowMany?: false },
  ): Promise<Row | undefined>
  async getByColumnLower(
    on: RunsBuilders,
    column: ColumnOf<Row>,
    search: string,
    options: Page & { readonly allowMany?: boolean } = {},
  ): Promise<Row[] | Row | undefined> {
    const { allowMany = false, offset, limit } = options
    this.#checkText('getByColumnLower', column, search)
    checkPage('getByColumnLower', options)
    if (!allowMany && (offset !== undefined || limit !== undefined)) {
      throw this.#wrong('getByColumnLower', 'finds one row: offset and limit go with allowMany.', 'allowMany')
    }
    const found = this.#ordered(this.#from(on).whereRaw('lower(??::text) = lower(?::text)', [column, search]))
    if (allowMany) return this.#paged(found, options)
    const [row, another] = await this.#paged(found, { limit: 2 })
    if (another === undefined) return row
    throw new EnginelightError(
      'EL_MANY_ROWS',
      `${this.name} has more than one row with this ${column}, where getByColumnLower should find one. { allowMany: true } gives them all.`,
    )
  }

  /**
   * The rows whose column begins with this text, or with `prefixOnly: false` has it anywhere, whatever the case of its
   * letters; in the order of that column. `%`, `_` and `\\` are looked for as they are.
   */
  async getByColumnSimilar(
    on: RunsBuilders,
    column: ColumnOf<Row>,
    seed: string,
    options: Page & { readonly prefixOnly?: boolean } = {},
  ): Promise<Row[]> {
    this.#checkText('getByColumnSimilar', column, seed)
    checkPage('getByColumnSimilar', options)
    const pattern = `${options.prefixOnly === false ? '%' : ''}${literalPattern(seed)}%`
    const found = this.#from(on)
      .whereRaw('lower(??::text) like lower(?::text)', [column, pattern])
      .orderBy(column)
    return this.#paged(this.#ordered(found), options)
  }

  /**
   * The row whose column is this very text, else one where only the case of letters differs; of several the first by primary
   * key. Undefined where there is none. The text is no pattern: `%` and `_` are themselves.
   */
  async getByColumnExactThenIlike(
    on: RunsBuilders,
    column: ColumnOf<Row>,
    seed: string,
  ): Promise<Row | undefined> {
    this.#checkText('getByColumnExactThenIlike', column, seed)
    const first = async (condition: string, value: string) => {
      const found = this.#ordered(this.#from(on).whereRaw(condition, [column, value]))
      return (await this.#paged(found, { limit: 1 }))[0]
    }
    return (
      (await first('??::text = ?::text', seed)) ??
      (await first('??::text ilike ?::text', literalPattern(seed)))
    )
  }

  /** Rows in an order that never leaves two of them open: where `orderBy` does not decide, the primary key does. */
  async getRange(on: RunsBuilders, options: RangeOptions<Row> = {}): Promise<Row[]> {
    const { orderBy = this.primaryKey, direction = 'asc', caseSensitive = true, where } = options
    checkPage('getRange', options)
    if (direction !== 'asc' && direction !== 'desc') {
      throw this.#wrong(
        'getRange',
        `has the directions asc and desc, and not ${String(direction)}.`,
        'direction',
      )
    }
    const columns = typeof orderBy === 'string' ? [orderBy] : orderBy
    for (const column of columns) this.#checkColumn(column)
    if (typeof where === 'object') this.#checkFilter(where)
    const found = this.#from(on)
    if (typeof where === 'function') where(found)
    else for (const [column, value] of Object.entries(where ?? {})) filter(found, column, value)
    for (const column of columns) {
      // What is no text has no case, and would be sorted as it is written: 10 before 9.
      if (!caseSensitive)
        found.orderByRaw(`case when pg_typeof(??)::text = any (?) then lower(??::text) end ${direction}`, [
          column,
          TEXTS,
          column,
        ])
      found.orderBy(column, direction)
    }
    return this.#paged(this.#ordered(found, direction), options)
  }

  /**
   * All columns of a row as a plain object, in the table's order. A column that was not selected is read now, by the
   * primary key, in one query; where all are there nothing is asked. Undefined where the row is gone by then.
   */
  async columnsAsDict(on: RunsBuilders, row: Partial<Row>): Promise<Row | undefined> {
    const loaded = this.loadedColumnsAsDict(row)
    const missing = this.columns.filter(column => !(column in loaded))
    if (missing.length === 0) return loaded as Row
    const key = this.primaryKey.filter(column => column in loaded)
    if (key.length < this.primaryKey.length) {
      throw this.#wrong(
        'columnsAsDict',
        `reads what is missing by the primary key (${this.primaryKey.join(', ')}), which the row must have.`,
        'row',
      )
    }
    const found = this.#from(on, missing)
    for (const column of key) found.where(column, loaded[column] as never)
    const [rest] = await this.#paged(found, { limit: 1 })
    if (rest === undefined) return undefined
    return this.loadedColumnsAsDict({ ...rest, ...loaded }) as Row
  }

  /** The columns of the table that the row has, as a plain object, in the table's order. What a query computed is left out. */
  loadedColumnsAsDict(row: Partial<Row>): Partial<Row> {
    const has = this.#loaded(row)
    return Object.fromEntries(has.map(column => [column, row[column]])) as Partial<Row>
  }

  /** The names of the columns that the row has, or with `withValues` names and values. */
  loadedColumnsAsList(row: Partial<Row>, options?: { readonly withValues?: false }): ColumnOf<Row>[]
  loadedColumnsAsList(
    row: Partial<Row>,
    options: { readonly withValues: true },
  ): [ColumnOf<Row>, Row[ColumnOf<Row>]][]
  loadedColumnsAsList(row: Partial<Row>, options: { readonly withValues?: boolean } = {}): unknown[] {
    const has = this.#loaded(row)
    return options.withValues ? has.map(column => [column, row[column]]) : has
  }

  #loaded(row: Partial<Row>): ColumnOf<Row>[] {
    return this.columns.filter(column => Object.hasOwn(row, column))
  }

  async #byIds(
    on: RunsBuilders,
    finder: string,
    ids: readonly IdOf<Row>[],
    idColumn: ColumnOf<Row> | undefined,
    limit?: number,
  ): Promise<Row[]> {
    if (idColumn !== undefined) this.#checkColumn(idColumn)
    const columns = idColumn === undefined ? this.primaryKey : [idColumn]
    const keys = ids.map(id => this.#key(finder, id, columns))
    if (keys.length === 0) return []
    const found = this.#from(on)
    if (columns.length === 1) found.whereIn(columns[0]!, keys.flat() as never)
    else found.whereIn([...columns] as string[], keys as never)
    return this.#paged(this.#ordered(found), limit === undefined ? {} : { limit })
  }

  #key(finder: string, id: IdOf<Row>, columns: readonly ColumnOf<Row>[]): unknown[] {
    const values =
      columns.length === 1 && !isPlain(id)
        ? [id]
        : columns.map(column => (isPlain(id) ? (id as Partial<Row>)[column] : undefined))
    const missing = columns.find((_, at) => values[at] === undefined || values[at] === null)
    if (missing === undefined) return values
    throw this.#wrong(
      finder,
      columns.length === 1
        ? `was given no value for ${missing}.`
        : `needs all of the primary key, { ${columns.join(', ')} }: ${missing} is missing.`,
      'id',
    )
  }

  #checkFilter(where: object): void {
    for (const [column, value] of Object.entries(where) as [ColumnOf<Row>, unknown][]) {
      this.#checkColumn(column)
      if (value !== undefined) continue
      throw this.#wrong('getRange', `was given undefined for ${column}: null is what is null.`, 'where')
    }
  }

  #from(on: RunsBuilders, columns: readonly string[] = this.columns): Knex.QueryBuilder {
    return (on(this.name) as Knex.QueryBuilder).select(...columns)
  }

  #ordered(found: Knex.QueryBuilder, direction: 'asc' | 'desc' = 'asc'): Knex.QueryBuilder {
    for (const column of this.primaryKey) found.orderBy(column, direction)
    return found
  }

  async #paged(found: Knex.QueryBuilder, { offset = 0, limit }: Page): Promise<Row[]> {
    if (offset > 0) found.offset(offset)
    if (limit !== undefined) found.limit(limit)
    return (await found) as Row[]
  }

  #checkText(finder: string, column: ColumnOf<Row>, text: string): void {
    this.#checkColumn(column)
    if (typeof text !== 'string')
      throw this.#wrong(finder, `looks for a text, and not for ${typeof text}.`, 'search')
  }

  #checkColumn(column: ColumnOf<Row>): void {
    if (!this.columns.includes(column)) throw unknownColumn(this.name, String(column), this.columns)
  }

  #wrong(finder: string, sentence: string, option: string): EnginelightError {
    return new EnginelightError('EL_CONFIG', `${finder} of ${this.name} ${sentence}`, { option })
  }
}

function filter(found: Knex.QueryBuilder, column: string, value: unknown): void {
  if (value === null) found.whereNull(column)
  else if (Array.isArray(value)) found.whereIn(column, value)
  else found.where(column, value as never)
}

const TEXTS = ['text', 'character varying', 'character', 'citext', 'name', '"char"']

/** An object that names columns: no Date, no Buffer, which may be a key's value. */
function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
