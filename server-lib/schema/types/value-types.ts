/** What pg returns for a value, and what it accepts for one. */
export interface ValueType {
  readonly read: string
  readonly write: string
}

const STRING: ValueType = { read: 'string', write: 'string' }
const NUMBER: ValueType = { read: 'number', write: 'number' }
const DATE: ValueType = { read: 'Date', write: 'Date | string' }
const JSON_VALUE: ValueType = { read: 'unknown', write: 'unknown' }

/** By the type's name in pg_type, with pg's own parsers. All other types stay as they come: texts. */
const VALUES: Readonly<Record<string, ValueType>> = {
  bool: { read: 'boolean', write: 'boolean' },
  int2: NUMBER,
  int4: NUMBER,
  oid: NUMBER,
  float4: NUMBER,
  float8: NUMBER,
  // Neither fits into a JavaScript number without loss.
  int8: { read: 'string', write: 'string | number | bigint' },
  numeric: { read: 'string', write: 'string | number' },
  date: DATE,
  timestamp: DATE,
  timestamptz: DATE,
  interval: { read: 'Interval', write: 'Interval | string' },
  bytea: { read: 'Buffer', write: 'Uint8Array' },
  json: JSON_VALUE,
  jsonb: JSON_VALUE,
  // pg writes an object as JSON, which the server does not accept as a point.
  point: { read: '{ x: number; y: number }', write: 'string' },
  circle: { read: '{ x: number; y: number; radius: number }', write: 'string' },
}

/**
 * Types whose arrays pg reads as arrays. It does not for enums, domains, types of extensions and some of the server's
 * own: such an array is a text with braces.
 */
const READ_AS_ARRAYS = new Set(
  `bool bytea int2 int4 oid int8 point float4 float8 numeric text bpchar varchar macaddr inet cidr timestamp date
   timestamptz interval json jsonb numrange uuid money time timetz regproc`.split(/\s+/),
)

/** The type of an `interval` as pg reads it. */
export const INTERVAL = `interface Interval {
  years?: number
  months?: number
  days?: number
  hours?: number
  minutes?: number
  seconds?: number
  milliseconds?: number
  toPostgres(): string
  toISO(): string
}
`

export const valueType = (typeName: string): ValueType =>
  (Object.hasOwn(VALUES, typeName) ? VALUES[typeName] : undefined) ?? STRING

/**
 * The type of an array, by its element type and that type's name in pg_type. `isOwn`: the elements are a domain or an
 * enum.
 */
export function arrayType(typeName: string, element: ValueType, isOwn: boolean): ValueType {
  const write = `readonly ${inBrackets(element.write)}[]`
  if (isOwn || !READ_AS_ARRAYS.has(typeName)) return { read: 'string', write: `string | ${write}` }
  // pg reads the elements of a numeric[] as numbers, though not a numeric.
  if (typeName === 'numeric') return { read: 'number[]', write }
  return { read: `${inBrackets(element.read)}[]`, write }
}

const inBrackets = (type: string) => (/[|&]/.test(type) ? `(${type})` : type)
