import { bindMessage } from './bind-message.ts'

/** A column of the result as the server describes it. */
export interface Described {
  readonly name: string
  readonly dataTypeID: number
  readonly dataTypeSize: number
  readonly dataTypeModifier: number
}

/** What must be known of a type with a number of this database's own, in order to read arrays of it. */
export type UserType =
  | { readonly is: 'enum' }
  | { readonly is: 'domain'; readonly base: number; readonly modifier: number }
  | { readonly is: 'array'; readonly element: number }
  | { readonly is: 'other' }

export type UserTypes = ReadonlyMap<number, UserType>

/** The parts of pg's protocol-level connection through which we send. */
export interface Asking {
  readonly stream: { write(bytes: Uint8Array): unknown }
  parse(query: { text: string }): void
  execute(what: { rows: number }): void
  flush(): void
}

/** From here on numbers differ between databases. */
const FIRST_ASSIGNED = 10_000
/** The size of types whose values vary in size; an enum's values have a fixed one. */
const VARYING = -1

/** These types and all that they consist of. An array's elements count only if the type is the element type's array. */
const TEXT = `
with recursive known as (
  select t.oid, t.typtype, t.typbasetype, t.typtypmod, coalesce(e.oid, 0) as element
  from pg_catalog.pg_type t left join pg_catalog.pg_type e on e.oid = t.typelem and e.typarray = t.oid
), used as (
  select * from known where oid = any ($1::pg_catalog.oid[])
  union
  select below.* from used join known below on below.oid in (used.typbasetype, used.element)
)
select oid, typtype, typbasetype, typtypmod, element from used`

/** By connection, which has one database for life: there a number is never reused for another type. */
const learnt = new WeakMap<object, Map<number, UserType>>()

/** The types known on this connection by now. */
export function knownTypes(wire: object): UserTypes {
  return learnt.get(wire) ?? new Map()
}

/** The types of columns that may be arrays, and are not yet known on this connection. */
export function unknownTypes(wire: object, fields: readonly Described[]): number[] {
  const known = knownTypes(wire)
  return fields
    .filter(({ dataTypeSize }) => dataTypeSize === VARYING)
    .map(({ dataTypeID }) => dataTypeID)
    .filter((type, at, all) => type >= FIRST_ASSIGNED && !known.has(type) && all.indexOf(type) === at)
}

/**
 * Asks what types are, within the exchange of a statement that has been described: it shares the transaction, and
 * replaces the unnamed statement. Pass it the rows that come, and call `done` at CommandComplete.
 */
export class TypeLookup {
  readonly #wire: object
  readonly #found = new Map<number, UserType>()

  constructor(wire: Asking, types: readonly number[]) {
    this.#wire = wire
    for (const type of types) this.#found.set(type, { is: 'other' })
    wire.parse({ text: TEXT })
    wire.stream.write(bindMessage([`{${types.join()}}`], []))
    wire.execute({ rows: 0 })
    wire.flush()
  }

  /** All of its columns come as text. */
  row(bytes: Buffer, at: number): void {
    const cells: string[] = []
    let next = at + 2
    for (let left = bytes.readInt16BE(at); left > 0; left--) {
      const end = next + 4 + bytes.readInt32BE(next)
      cells.push(bytes.toString('utf8', next + 4, end))
      next = end
    }
    const [oid, kind, base, modifier, element] = cells
    this.#found.set(Number(oid), typeOf(kind, Number(base), Number(modifier), Number(element)))
  }

  done(): void {
    learnt.set(this.#wire, new Map([...knownTypes(this.#wire), ...this.#found]))
  }
}

function typeOf(kind: string | undefined, base: number, modifier: number, element: number): UserType {
  if (element !== 0) return { is: 'array', element }
  if (kind === 'd') return { is: 'domain', base, modifier }
  return { is: kind === 'e' ? 'enum' : 'other' }
}
