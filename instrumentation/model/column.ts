/**
 * What the cells of one column hold. `T` is the value that a fact has of it, for the compiler alone: of a text, the text
 * itself.
 */
export type Column<T = unknown> = Shape & { readonly orNull: boolean; readonly holds?: T }

type Shape =
  /** `text` and `site` are interned: the cell has the text's number. */
  | { readonly type: 'id' | 'text' | 'site' | 'ms' | 'count' | 'flag' | 'bit' }
  /** `otherwise` stands for a word that is not known here: the sender may be a library of another version. */
  | { readonly type: 'word'; readonly known: readonly string[]; readonly otherwise: string | null }
  | { readonly type: 'list'; readonly of: Column }
  /** A `record` travels with its names, a `tuple` without. Neither has texts in it. */
  | { readonly type: 'record' | 'tuple'; readonly columns: Columns }

export interface Columns {
  readonly [name: string]: Column
}

export type Facts<C extends Columns> = {
  readonly [N in keyof C]: C[N] extends Column<infer T> ? T : never
}

const column = <T>(shape: Shape, orNull = false): Column<T> => ({ ...shape, orNull })

export const id = column<string>({ type: 'id' })
export const text = column<string>({ type: 'text' })
/** A line of the application, or null: none was on the stack. */
export const site = column<string | null>({ type: 'site' }, true) as Column<string | null> & {
  readonly type: 'site'
}
export const ms = column<number>({ type: 'ms' })
export const count = column<number>({ type: 'count' })
export const flag = column<boolean>({ type: 'flag' })
/** A flag that travels as 0 or 1. */
export const bit = column<boolean>({ type: 'bit' })

export const word = <W extends string>(known: readonly W[], otherwise: W | null = null): Column<W> =>
  column({ type: 'word', known, otherwise })
export const list = <T>(of: Column<T>): Column<readonly T[]> => column({ type: 'list', of })
export const record = <C extends Columns>(columns: C): Column<Facts<C>> => column({ type: 'record', columns })
export const tuple = <C extends Columns>(columns: C): Column<Facts<C>> => column({ type: 'tuple', columns })
export const orNull = <T>(of: Column<T>): Column<T | null> => ({ ...of, orNull: true })
