/** A type as PostgreSQL writes it, and its parts. */
export interface ReadType {
  /** `character varying(20)`, `integer[]`. */
  readonly type: string
  /** `varchar`, `int4`. */
  readonly typeName: string
  readonly isArray: boolean
  /** `serial` and its variants: an integer whose default is a sequence's next value. */
  readonly isSerial: boolean
}

/** Each spelling that PostgreSQL takes, with PostgreSQL's own spelling and the name in `pg_type`. */
const SPELLINGS: Record<string, readonly [written: string, typeName: string]> = {}

function spelt(written: string, typeName: string, ...others: string[]): void {
  for (const spelling of [written, typeName, ...others]) SPELLINGS[spelling] = [written, typeName]
}

spelt('smallint', 'int2', 'smallserial', 'serial2')
spelt('integer', 'int4', 'int', 'serial', 'serial4')
spelt('bigint', 'int8', 'bigserial', 'serial8')
spelt('real', 'float4')
spelt('double precision', 'float8', 'double', 'float')
spelt('numeric', 'numeric', 'decimal', 'dec')
spelt('boolean', 'bool')
spelt('character', 'bpchar', 'char', 'nchar', 'national character')
spelt('character varying', 'varchar', 'char varying', 'national character varying')
spelt('bit', 'bit')
spelt('bit varying', 'varbit')
spelt('timestamp without time zone', 'timestamp')
spelt('timestamp with time zone', 'timestamptz')
spelt('time without time zone', 'time')
spelt('time with time zone', 'timetz')
const SPELT_ONE_WAY = `
  text uuid date interval bytea json jsonb jsonpath xml money name oid inet cidr macaddr macaddr8
  tsvector tsquery pg_lsn regclass regtype point line lseg box path polygon circle
  int4range int8range numrange tsrange tstzrange daterange
  int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange
  citext hstore ltree lquery cube geometry geography vector halfvec sparsevec`
for (const name of SPELT_ONE_WAY.trim().split(/\s+/)) spelt(name, name)
// The one-byte type of the catalogues; without its quotes it would be another type.
SPELLINGS['"char"'] = ['"char"', 'char']

const SERIAL = /^(small|big)?serial[248]?$/
/** PostgreSQL writes the precision inside these names: `timestamp(3) without time zone`. */
const WITH_ZONE = /^(timestamp|time) (with|without) time zone$/

/**
 * Reads a type in any of PostgreSQL's spellings: `VARCHAR(20)`, `int[]`, `timestamptz(3)`; null for a name that is not
 * PostgreSQL's own.
 */
export function readType(text: string): ReadType | null {
  const { element, isArray } = withoutBrackets(text)
  const open = element.indexOf('(')
  const close = open < 0 ? -1 : element.indexOf(')', open)
  const modifiers = close < 0 ? '' : element.slice(open + 1, close).replace(/\s+/g, '')
  const spelling = (close < 0 ? element : `${element.slice(0, open)} ${element.slice(close + 1)}`)
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase()
    .replace(/^pg_catalog\./, '')
  const known = Object.hasOwn(SPELLINGS, spelling) ? SPELLINGS[spelling] : undefined
  if (!known) return null
  const [written, typeName] = sized(known, spelling, modifiers)
  return { type: isArray ? `${written}[]` : written, typeName, isArray, isSerial: SERIAL.test(spelling) }
}

/**
 * Splits off the array brackets. The dimensions are those of the values, whatever the type says: PostgreSQL writes one
 * pair.
 */
export function withoutBrackets(text: string): { element: string; isArray: boolean } {
  const whole = text.trim()
  let element = whole
  // From the end, one pair at a time: a single regular expression would read a long run of blanks again and again.
  for (let open = lastPair(element); open >= 0; open = lastPair(element))
    element = element.slice(0, open).trimEnd()
  const word = element.slice(0, -'array'.length)
  if (/^array$/i.test(element.slice(word.length)) && word !== word.trimEnd()) element = word.trimEnd()
  return { element, isArray: element !== whole }
}

/** Where the final `[]` or `[3]` of the text begins, or -1. */
function lastPair(text: string): number {
  if (!text.endsWith(']')) return -1
  const open = text.lastIndexOf('[')
  return open >= 0 && /^\d*$/.test(text.slice(open + 1, -1)) ? open : -1
}

/** Removes what is between the first bracket and the last (a length, a precision), and the blanks before it. */
export function withoutModifiers(text: string): string {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  return open < 0 || close < open ? text : text.slice(0, open).trimEnd() + text.slice(close + 1)
}

function sized(
  [written, typeName]: readonly [string, string],
  spelling: string,
  modifiers: string,
): [string, string] {
  if (spelling === 'float' && modifiers !== '' && Number(modifiers) <= 24) return ['real', 'float4']
  if (written === 'double precision' || SERIAL.test(spelling)) return [written, typeName]
  // A `char` or `bit` without a length has one character; `numeric(10)` has no decimals.
  if ((written === 'character' || written === 'bit') && modifiers === '' && spelling !== 'bpchar') {
    return [`${written}(1)`, typeName]
  }
  if (modifiers === '') return [spelling === 'bpchar' ? 'bpchar' : written, typeName]
  if (written === 'numeric' && !modifiers.includes(',')) return [`numeric(${modifiers},0)`, typeName]
  const zoned = WITH_ZONE.exec(written)
  return [zoned ? `${zoned[1]}(${modifiers}) ${zoned[2]} time zone` : `${written}(${modifiers})`, typeName]
}
