import type { Arrow, DataType } from './arrow-library.ts'
import type { ArrowOptions } from './arrow-options.ts'
import type { WireFormat } from './bind-message.ts'
import { BoolColumn } from './columns/bool-column.ts'
import { BytesColumn, type Rewrite } from './columns/bytes-column.ts'
import { FixedColumn, type Column, type FixedType } from './columns/column.ts'
import { DictionaryColumn } from './columns/dictionary-column.ts'
import { FiniteColumn } from './columns/finite-column.ts'
import { ListColumn } from './columns/list-column.ts'
import { decimalWriter, numericText } from './columns/numeric.ts'
import { jsonbText, uuidText } from './columns/rewrites.ts'
import * as words from './columns/words.ts'
import type { Described, UserTypes } from './user-types.ts'

/** How a column is requested, and what collects its values. */
export interface ReadColumn {
  readonly format: WireFormat
  readonly column: Column
}

/** What a column holds, for PostgreSQL's built-in types; their oids never change. */
type Kind =
  | 'bool'
  | 'bytea'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'oid'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'interval'
  | 'text'
  | 'uuid'
  | 'jsonb'

const KINDS: Record<number, Kind> = {
  16: 'bool',
  17: 'bytea',
  19: 'text',
  20: 'int8',
  21: 'int2',
  23: 'int4',
  25: 'text',
  26: 'oid',
  114: 'text',
  700: 'float4',
  701: 'float8',
  1042: 'text',
  1043: 'text',
  1082: 'date',
  1083: 'time',
  1114: 'timestamp',
  1184: 'timestamptz',
  1186: 'interval',
  1700: 'numeric',
  2950: 'uuid',
  3802: 'jsonb',
}

/** Array types, by oid, with their elements' kind. */
const ELEMENTS: Record<number, Kind> = {
  199: 'text',
  1000: 'bool',
  1001: 'bytea',
  1003: 'text',
  1005: 'int2',
  1007: 'int4',
  1009: 'text',
  1014: 'text',
  1015: 'text',
  1016: 'int8',
  1021: 'float4',
  1022: 'float8',
  1028: 'oid',
  1115: 'timestamp',
  1182: 'date',
  1183: 'time',
  1185: 'timestamptz',
  1187: 'interval',
  1231: 'numeric',
  2951: 'uuid',
  3807: 'jsonb',
}

/** What is needed to make a column. */
interface Making {
  readonly arrow: Arrow
  readonly options: ArrowOptions
  readonly types: UserTypes
}

/** Decides how a column is read. An unknown type is read as PostgreSQL's text, which is right for every type. */
export function readColumn(
  arrow: Arrow,
  described: Described,
  options: ArrowOptions,
  types: UserTypes,
): ReadColumn {
  const { name, dataTypeID, dataTypeModifier: modifier } = described
  const depth = Object.hasOwn(options.dimensions ?? {}, name) ? (options.dimensions?.[name] ?? 1) : 1
  const list = listOf({ arrow, options, types }, dataTypeID, modifier, depth)
  if (list) return { format: 1, column: list }
  const kind = KINDS[dataTypeID]
  const column =
    kind && !isText(kind, modifier, options) ? valuesOf(arrow, kind, modifier, options) : undefined
  if (column) return { format: 1, column }
  if (options.dictionary?.includes(name)) {
    const text = new arrow.Utf8()
    return { format: 0, column: new DictionaryColumn(new arrow.Dictionary(text, new arrow.Int32()), text) }
  }
  return { format: 0, column: new BytesColumn(new arrow.Utf8()) }
}

/** Undefined if the type is not an array, or its elements have no known binary form. */
function listOf(making: Making, type: number, modifier: number, depth: number): Column | undefined {
  const { arrow, options, types } = making
  const known = ELEMENTS[type]
  const users = types.get(type)
  const values = known
    ? valuesOf(arrow, known, modifier, options)
    : users?.is === 'array' && elementOf(making, users.element, modifier)
  if (!values) return undefined
  const lists: DataType[] = []
  let inner = values.type
  for (let level = 0; level < depth; level++)
    lists.unshift((inner = new arrow.List(new arrow.Field('item', inner, true))))
  return new ListColumn(lists, values)
}

/** Elements of an array come in the binary form of their domains' base type. */
function elementOf(making: Making, type: number, modifier: number): Column | undefined {
  const kind = KINDS[type]
  if (kind) return valuesOf(making.arrow, kind, modifier, making.options)
  const users = making.types.get(type)
  if (users?.is === 'enum') return valuesOf(making.arrow, 'text', modifier, making.options)
  if (users?.is === 'domain') return elementOf(making, users.base, users.modifier)
  return listOf(making, type, modifier, 1)
}

/** Whether the server sends it as text. */
function isText(kind: Kind, modifier: number, options: ArrowOptions): boolean {
  if (kind === 'numeric') return decimalOf(modifier, options) === undefined
  return kind === 'text' || kind === 'uuid' || kind === 'jsonb'
}

function valuesOf(arrow: Arrow, kind: Kind, modifier: number, options: ArrowOptions): Column {
  const finite = (column: Column, isInfinite: (bytes: Buffer, at: number) => boolean) =>
    new FiniteColumn(column, isInfinite, options.infinity ?? 'error')
  const text = (rewrite?: Rewrite) => new BytesColumn(new arrow.Utf8(), rewrite)
  const timestamp = (zone: string | null) => {
    const type = new arrow.Timestamp(arrow.TimeUnit.MICROSECOND, zone)
    return finite(new FixedColumn({ ...EIGHT, type, write: words.writeTimestamp }), words.isInfinite8)
  }
  switch (kind) {
    case 'bool':
      return new BoolColumn(new arrow.Bool())
    case 'bytea':
      return new BytesColumn(new arrow.Binary())
    case 'int2':
      return new FixedColumn({
        type: new arrow.Int16(),
        write: words.write2,
        words: Int16Array,
        stride: 1,
        values: Int16Array,
      })
    case 'int4':
      return new FixedColumn({ ...FOUR, type: new arrow.Int32() })
    case 'oid':
      return new FixedColumn({ ...FOUR, type: new arrow.Uint32(), values: Uint32Array })
    case 'int8':
      return new FixedColumn({ ...EIGHT, type: new arrow.Int64() })
    case 'float4':
      return new FixedColumn({ ...FOUR, type: new arrow.Float32(), values: Float32Array })
    case 'float8':
      return new FixedColumn({ ...EIGHT, type: new arrow.Float64(), values: Float64Array })
    case 'numeric': {
      const decimal = decimalOf(modifier, options)
      if (!decimal) return text(numericText)
      const { precision, scale } = decimal
      const bits = precision <= 38 ? 128 : 256
      const type = new arrow.Decimal(scale, precision, bits)
      const write = decimalWriter(precision, scale, bits)
      return new FixedColumn({ type, write, words: Int32Array, stride: bits / 32, values: Uint32Array })
    }
    case 'date':
      return finite(
        new FixedColumn({ ...FOUR, type: new arrow.DateDay(), write: words.writeDate }),
        words.isInfinite4,
      )
    case 'time':
      return new FixedColumn({ ...EIGHT, type: new arrow.TimeMicrosecond(), write: words.writeTime })
    case 'timestamp':
      return timestamp(null)
    case 'timestamptz':
      return timestamp('UTC')
    case 'interval':
      return finite(
        new FixedColumn({
          type: new arrow.IntervalMonthDayNano(),
          write: words.writeInterval,
          words: Int32Array,
          stride: 4,
          values: Int32Array,
        }),
        words.isInfiniteInterval,
      )
    case 'text':
      return text()
    case 'uuid':
      return text(uuidText)
    case 'jsonb':
      return text(jsonbText)
    default:
      return kind satisfies never
  }
}

const FOUR = {
  write: words.write4,
  words: Int32Array,
  stride: 1,
  values: Int32Array,
} satisfies Partial<FixedType>
const EIGHT = {
  write: words.write8,
  words: Int32Array,
  stride: 2,
  values: BigInt64Array,
} satisfies Partial<FixedType>

/** The highest precision that Arrow has. */
const MAX_PRECISION = 76

/** Precision and scale of a numeric, declared or requested; undefined if only its text can hold every value. */
function decimalOf(
  modifier: number,
  { numeric }: ArrowOptions,
): { precision: number; scale: number } | undefined {
  if (modifier < 4) return typeof numeric === 'object' ? numeric : undefined
  const declared = (modifier - 4) >> 16
  // Eleven signed bits since PostgreSQL 15: numeric(3, -2) counts hundreds.
  const scale = (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400
  const precision = scale < 0 ? declared - scale : Math.max(declared, scale)
  return precision <= MAX_PRECISION ? { precision, scale: Math.max(0, scale) } : undefined
}
