import { EnginelightError } from '../../channels/errors.ts'
import { ANYTHING } from '../../channels/options.ts'
import type { CheckedTable } from './definition.ts'
import { byKeys } from './keys.ts'
import { literalPattern } from './like.ts'
import { checkColumn, checkFinder, checkText, misuse } from './misuse.ts'
import { PAGE, type Page } from './page.ts'
import { ordered, paged, rowsOf, type RunsBuilders } from './query.ts'
import { checkFilter, filter, orderByWithoutCase, RANGE, type ColumnOf, type RangeOptions } from './range.ts'

/** One value if the primary key has one column, `{ order_id: 1, line: 2 }` if it has several. */
export type IdOf<Row> = Row[ColumnOf<Row>] | Partial<Row>

const BY_ID = { idColumn: ANYTHING }

/** The finders of one table. */
export class Finders<Row> {
  /** The name that a query uses: `shop.users`. */
  readonly name: string
  readonly columns: readonly ColumnOf<Row>[]
  readonly primaryKey: readonly ColumnOf<Row>[]

  readonly #table: CheckedTable

  constructor(table: CheckedTable) {
    this.#table = table
    this.name = table.name
    this.columns = table.columns as ColumnOf<Row>[]
    this.primaryKey = table.primaryKey as ColumnOf<Row>[]
  }

  /**
   * The row with this primary key, or with this value in `idColumn`; of several, the first by primary key. Undefined if
   * there is none. Throws EL_CONFIG for a list, which `getByIds` takes, and for undefined or null, which are not keys.
   */
  async getById(
    on: RunsBuilders,
    id: IdOf<Row>,
    options: { readonly idColumn?: ColumnOf<Row> } = {},
  ): Promise<Row | undefined> {
    if (Array.isArray(id)) {
      throw misuse('getById', this.#table, 'was given a list. getByIds takes one.', 'id')
    }
    checkFinder('getById', this.#table, options, BY_ID)
    const wanted = { ids: [id], idColumn: options.idColumn, limit: 1 }
    return (await byKeys<Row>('getById', this.#table, on, wanted))[0]
  }

  /**
   * The rows with these keys, each once, in primary key order. Keys without a row are left out; without keys there is
   * no query.
   */
  async getByIds(
    on: RunsBuilders,
    ids: readonly IdOf<Row>[],
    options: { readonly idColumn?: ColumnOf<Row> } = {},
  ): Promise<Row[]> {
    if (!Array.isArray(ids)) {
      throw misuse('getByIds', this.#table, 'takes a list. getById takes one key.', 'ids')
    }
    checkFinder('getByIds', this.#table, options, BY_ID)
    return byKeys('getByIds', this.#table, on, { ids, idColumn: options.idColumn })
  }

  /**
   * The row whose column equals this text, ignoring case; undefined if there is none, and EL_MANY_ROWS if there are
   * several. With `allowMany`, all such rows in primary key order, or an empty list. The server lower-cases both sides
   * with `lower(column)`, which an index can serve. A column that is not text is compared by its text form.
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
    checkText('getByColumnLower', this.#table, column, search)
    checkFinder('getByColumnLower', this.#table, options, { allowMany: ANYTHING, ...PAGE })
    const { allowMany = false, offset, limit } = options
    if (!allowMany && (offset !== undefined || limit !== undefined)) {
      throw misuse(
        'getByColumnLower',
        this.#table,
        'finds one row: offset and limit go with allowMany.',
        'allowMany',
      )
    }
    const found = ordered(
      this.#table,
      rowsOf(this.#table, on).whereRaw('lower(??::text) = lower(?::text)', [column, search]),
    )
    if (allowMany) return paged(found, options)
    const [row, another] = await paged<Row>(found, { limit: 2 })
    if (another === undefined) return row
    throw new EnginelightError(
      'EL_MANY_ROWS',
      `${this.name} has more than one row with this ${column}, where getByColumnLower should find one. { allowMany: true } gives them all.`,
    )
  }

  /**
   * The rows whose column begins with this text, or with `prefixOnly: false` contains it, ignoring case, in the order
   * of that column. `%`, `_` and `\\` stand for themselves.
   */
  async getByColumnSimilar(
    on: RunsBuilders,
    column: ColumnOf<Row>,
    seed: string,
    options: Page & { readonly prefixOnly?: boolean } = {},
  ): Promise<Row[]> {
    checkText('getByColumnSimilar', this.#table, column, seed)
    checkFinder('getByColumnSimilar', this.#table, options, { prefixOnly: ANYTHING, ...PAGE })
    const pattern = `${options.prefixOnly === false ? '%' : ''}${literalPattern(seed)}%`
    const found = rowsOf(this.#table, on)
      .whereRaw('lower(??::text) like lower(?::text)', [column, pattern])
      .orderBy(column)
    return paged(ordered(this.#table, found), options)
  }

  /**
   * The row whose column is exactly this text, otherwise one that differs only in case; of several, the first by
   * primary key. Undefined if there is none. The text is not a pattern: `%` and `_` stand for themselves.
   */
  async getByColumnExactThenIlike(
    on: RunsBuilders,
    column: ColumnOf<Row>,
    seed: string,
  ): Promise<Row | undefined> {
    checkText('getByColumnExactThenIlike', this.#table, column, seed)
    const first = async (condition: string, value: string) => {
      const found = ordered(this.#table, rowsOf(this.#table, on).whereRaw(condition, [column, value]))
      return (await paged<Row>(found, { limit: 1 }))[0]
    }
    return (
      (await first('??::text = ?::text', seed)) ??
      (await first('??::text ilike ?::text', literalPattern(seed)))
    )
  }

  /** Rows in a definite order: where `orderBy` does not decide, the primary key does. */
  async getRange(on: RunsBuilders, options: RangeOptions<Row> = {}): Promise<Row[]> {
    checkFinder('getRange', this.#table, options, RANGE)
    const { orderBy = this.primaryKey, direction = 'asc', caseSensitive = true, where } = options
    const columns = [orderBy].flat() as ColumnOf<Row>[]
    for (const column of columns) checkColumn(this.#table, column)
    checkFilter(this.#table, where)
    const found = rowsOf(this.#table, on)
    if (typeof where === 'function') where(found)
    else if (where) filter(found, where)
    for (const column of columns) {
      if (!caseSensitive) orderByWithoutCase(found, column, direction)
      found.orderBy(column, direction)
    }
    return paged(ordered(this.#table, found, direction, columns), options)
  }

  /**
   * All columns of a row as a plain object, in the table's order. Columns that were not selected are read now, by
   * primary key, in one query; if none is missing, no query is sent. Undefined if the row no longer exists.
   */
  async columnsAsDict(on: RunsBuilders, row: Partial<Row>): Promise<Row | undefined> {
    const loaded = this.loadedColumnsAsDict(row)
    const missing = this.columns.filter(column => !Object.hasOwn(loaded, column))
    if (missing.length === 0) return loaded as Row
    const key = this.primaryKey.filter(column => Object.hasOwn(loaded, column) && loaded[column] != null)
    if (key.length < this.primaryKey.length) {
      throw misuse(
        'columnsAsDict',
        this.#table,
        `reads what is missing by the primary key (${this.primaryKey.join(', ')}), which the row must have.`,
        'row',
      )
    }
    const found = rowsOf(this.#table, on, missing)
    for (const column of key) found.where(column, loaded[column] as never)
    const [rest] = await paged<Row>(found, { limit: 1 })
    if (rest === undefined) return undefined
    return this.loadedColumnsAsDict({ ...rest, ...loaded }) as Row
  }

  /**
   * The columns of the table that the row has, as a plain object, in the table's order. Computed columns of the query
   * are left out.
   */
  loadedColumnsAsDict(row: Partial<Row>): Partial<Row> {
    const has = this.#loaded(row)
    return Object.fromEntries(has.map(column => [column, row[column]])) as Partial<Row>
  }

  /** The names of the columns that the row has; with `withValues`, names and values. */
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
}
