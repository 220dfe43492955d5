import type { Column, Columns } from './column.ts'
import { ROWS, type Fact, type Kind, type Time } from './rows.ts'

/** An interned string: its text was sent earlier in a `dict` message on the same socket. */
export type TextId = number
/** Looks up an interned string; returns `…` for one that never came. */
export type Texts = (id: TextId) => string

export type Row = [seq: number, kind: number, at: Time, ...cells: unknown[]]

const HEAD = 3
const KINDS = Object.keys(ROWS) as Kind[]

/** The place of a column in the rows of a kind, for code that makes no fact of a row. */
export const placeOf = <K extends Kind>(kind: K, column: keyof Fact<K>): number =>
  HEAD + Object.keys(ROWS[kind].columns).indexOf(column as string)

/** The function that makes the cells of a column of values. */
export type Write = (column: Column) => (value: unknown) => unknown

/**
 * The function that makes rows of a kind, still without their number. A cell is made of the property that is called
 * like its column; `own` makes those of the other columns.
 */
export function encoder<From extends object>(
  kind: Kind,
  write: Write,
  own: { readonly [column: string]: (from: From) => unknown } = {},
): (from: From, at: Time) => Row {
  const { number, columns }: { number: number; columns: Columns } = ROWS[kind]
  const cells = Object.entries(columns).map(([name, column]) => {
    const made = write(column)
    return own[name] ?? ((from: From) => made(from[name as keyof From]))
  })
  const all: ((from: From, at: Time) => unknown)[] = [() => 0, () => number, (_from, at) => at, ...cells]
  // As long as it will be: a list that grows keeps room for more, and the recorder holds many rows.
  return (from, at) => all.map(cell => cell(from, at)) as unknown as Row
}

type Read = ((cell: unknown, texts: Texts) => unknown) | null

/** How the value of a cell is read; null if it is the cell itself. */
function reading(column: Column): Read {
  switch (column.type) {
    case 'text':
    case 'site':
      return (cell, texts) => (typeof cell === 'number' ? texts(cell) : null)
    case 'bit':
      return cell => cell === 1
    case 'tuple': {
      const names = Object.keys(column.columns)
      return cell => Object.fromEntries(names.map((name, i) => [name, (cell as unknown[])[i]]))
    }
    case 'list': {
      const read = reading(column.of)
      return read && ((cells, texts) => (cells as unknown[]).map(cell => read(cell, texts)))
    }
    default:
      return null
  }
}

interface Decoding {
  readonly kind: Kind
  readonly names: readonly string[]
  readonly reads: readonly Read[]
  /** All names, so that each fact of the kind has the same shape from its beginning. */
  readonly blank: object
  /** The places of the cells that hold interned texts. */
  readonly texts: readonly number[]
}

/** By the number of the kind. */
const DECODING: (Decoding | undefined)[] = []
for (const kind of KINDS) {
  const columns = Object.entries<Column>(ROWS[kind].columns)
  DECODING[ROWS[kind].number] = {
    kind,
    names: columns.map(([name]) => name),
    reads: columns.map(([, column]) => reading(column)),
    blank: JSON.parse(JSON.stringify(Object.fromEntries(columns.map(([name]) => [name, null])))) as object,
    texts: columns.flatMap(([, { type }], i) => (type === 'text' || type === 'site' ? [HEAD + i] : [])),
  }
}

/** The kind of a row, or undefined if it is not known here. */
export const kindOf = (row: Row): Kind | undefined => DECODING[row[1]]?.kind

export const isA = (kind: Kind, row: Row): boolean => row[1] === ROWS[kind].number

/** The id that most rows begin with. */
export const idOf = (row: Row): string => row[HEAD] as string

/** What a row of this kind says. */
export function decode<K extends Kind>(kind: K, row: Row, texts: Texts = () => '…'): Fact<K> {
  const { names, reads, blank } = DECODING[ROWS[kind].number]!
  const fact: Record<string, unknown> = { ...blank }
  for (let i = 0; i < names.length; i++) {
    const read = reads[i]!
    const cell = row[HEAD + i]
    fact[names[i]!] = read === null ? cell : read(cell, texts)
  }
  return fact as Fact<K>
}

export function forEachText(row: Row, use: (id: TextId) => void): void {
  const places = DECODING[row[1]]?.texts
  if (places === undefined) return
  for (const place of places) {
    const id = row[place]
    if (typeof id === 'number') use(id)
  }
}
