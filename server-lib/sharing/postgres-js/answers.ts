import pg from 'pg'
import { prepareValue } from '../../postgres/prepare-value.ts'
import type { SqlColumn, SqlResult } from './postgres-sql.ts'

export interface Field {
  readonly name: string
  readonly tableID: number
  readonly columnID: number
  readonly dataTypeID: number
  readonly dataTypeSize: number
  readonly dataTypeModifier: number
  readonly format: 'text'
}

/** A result in pg's form. */
export interface Answer {
  readonly command: string | null
  readonly rowCount: number | null
  readonly oid: null
  readonly rows: unknown[]
  readonly fields: Field[]
}

/** How a result's values are read, as in pg's query config. */
export interface Reading {
  readonly rowMode?: string
  readonly types?: { getTypeParser(oid: number, format?: any): any }
}

/** One answer for each statement of the text, or a single one if there is only one. */
export function answerOf(result: unknown, reading: Reading): Answer | Answer[] {
  // A result is an array of rows with further properties; several statements give an array of results.
  if ('command' in (result as object)) return single(result as SqlResult, reading)
  return (result as SqlResult[]).map(one => single(one, reading))
}

function single(result: SqlResult, { rowMode, types = pg.types }: Reading): Answer {
  const fields = (result.columns ?? []).map(fieldOf)
  const parsers = fields.map(
    ({ dataTypeID }) => types.getTypeParser(dataTypeID, 'text') as (text: string) => unknown,
  )
  const read = (cell: Uint8Array | null, at: number) => {
    const text = textOf(cell)
    return text === null ? null : parsers[at]?.(text)
  }
  const rows = Array.from(result, cells =>
    rowMode === 'array'
      ? cells.map(read)
      : Object.fromEntries(cells.map((cell, at) => [fields[at]?.name, read(cell, at)])),
  )
  // pg keeps only the first word: CREATE for CREATE TABLE.
  const command = result.command?.split(' ', 1)[0] ?? null
  return { command, rowCount: result.count, oid: null, rows, fields }
}

export const textOf = (cell: Uint8Array | null): string | null =>
  cell === null ? null : Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength).toString('utf8')

export function fieldOf({ name, type, table, number }: SqlColumn): Field {
  return {
    name,
    tableID: table,
    columnID: number,
    dataTypeID: type,
    dataTypeSize: -1,
    dataTypeModifier: -1,
    format: 'text',
  }
}

/** The text that pg would send for a value. */
export function parameterOf(value: unknown): string | null {
  const prepared = prepareValue(value)
  return Buffer.isBuffer(prepared) ? `\\x${prepared.toString('hex')}` : prepared
}

/** pg's names for fields that postgres.js names differently. */
const NAMES = {
  schema_name: 'schema',
  table_name: 'table',
  column_name: 'column',
  'data type_name': 'dataType',
  constraint_name: 'constraint',
  internal_position: 'internalPosition',
  internal_query: 'internalQuery',
} as const
const SAME = ['severity', 'code', 'detail', 'hint', 'position', 'where', 'file', 'line', 'routine']

/** The error in pg's form. A new object, because postgres.js attaches the parameters to its own. */
export function errorOf(error: unknown): Error {
  const given = error as Error & Record<string, unknown>
  if (!(error instanceof Error) || !('severity' in given)) return given
  const facts = [
    ...SAME.map(name => [name, given[name]]),
    ...Object.entries(NAMES).map(([theirs, pgs]) => [pgs, given[theirs]]),
  ].filter(([, value]) => value !== undefined)
  return Object.assign(new Error(given.message), { name: 'error' }, Object.fromEntries(facts))
}
