import { since } from './postgres-major.ts'

/** A type, values of it as texts, and an SQL expression that says of `$v` what its cell in Arrow must be. */
export interface Oracle {
  readonly type: string
  readonly arrow: string
  readonly values: readonly (string | null)[]
  readonly says: string
}

/** The whole seconds and what is below them apart: before PostgreSQL 14 the epoch is a double, too short for both. */
const MICROSECONDS = `(extract(epoch from date_trunc('second', $v))::numeric * 1000000
  + mod(extract(microseconds from $v)::numeric, 1000000))::numeric(30, 0)`

export const ORACLES: readonly Oracle[] = [
  { type: 'bool', arrow: 'Bool', values: ['t', 'f', null, 't'], says: '$v::int' },
  { type: 'int2', arrow: 'Int16', values: ['-32768', '32767', '0', '-1', null], says: '$v' },
  { type: 'int4', arrow: 'Int32', values: ['-2147483648', '2147483647', '0', '-1', null], says: '$v' },
  {
    type: 'int8',
    arrow: 'Int64',
    values: [
      '-9223372036854775808',
      '9223372036854775807',
      '9007199254740993',
      '-9007199254740993',
      '0',
      null,
      '-1',
    ],
    says: '$v',
  },
  { type: 'oid', arrow: 'Uint32', values: ['4294967295', '0', null], says: '$v' },
  {
    type: 'float4',
    arrow: 'Float32',
    values: ['0', '-1.5', 'Infinity', 'NaN', '16777216', null],
    says: "encode(float4send($v), 'hex')",
  },
  {
    type: 'float8',
    arrow: 'Float64',
    values: ['0.1', '-1.5', '-Infinity', 'NaN', '-0', '9007199254740992', null],
    says: "encode(float8send($v), 'hex')",
  },
  {
    type: 'numeric(12,2)',
    arrow: 'Decimal[12e+2]',
    values: ['0', '-0.01', '9999999999.99', '-9999999999.99', '10000', '100000000', '12.30', '0.99', null],
    says: '$v',
  },
  {
    type: 'numeric(38,0)',
    arrow: 'Decimal[38e0]',
    values: [
      '9'.repeat(38),
      `-${'9'.repeat(38)}`,
      '9007199254740993',
      '-4294967296',
      '-4294967295',
      '10000000000000000',
      '1',
      null,
    ],
    says: '$v',
  },
  {
    type: 'numeric(38,19)',
    arrow: 'Decimal[38e+19]',
    values: [
      '1234567890123456789.1234567890123456789',
      '-0.0000000000000000001',
      '0.1',
      '-900719925.4740993',
      null,
    ],
    says: '$v',
  },
  {
    type: 'numeric(60,20)',
    arrow: 'Decimal[60e+20]',
    values: ['-1234567890123456789012345678901234567890.12345678901234567890', '0.5', '-1', null],
    says: '$v',
  },
  {
    type: 'numeric',
    arrow: 'Utf8',
    values: [
      'NaN',
      ...since(14, ['Infinity', '-Infinity'], []),
      '0',
      '0.00',
      '-0.000012',
      '1e40',
      '123456789.0001',
      '10000.0',
      '-7',
      `1e-300`,
      null,
    ],
    says: '$v',
  },
  { type: 'text', arrow: 'Utf8', values: ['', 'a', 'Zoë 日本 🙂', 'x'.repeat(5000), null, ' '], says: '$v' },
  { type: 'varchar(5)', arrow: 'Utf8', values: ['', 'abcde', null], says: '$v' },
  { type: 'char(5)', arrow: 'Utf8', values: ['', 'abcde', 'é', null], says: 'rpad($v::text, 5)' },
  { type: 'name', arrow: 'Utf8', values: ['public', '', null], says: '$v' },
  {
    type: 'uuid',
    arrow: 'Utf8',
    values: ['00000000-0000-0000-0000-000000000000', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', null],
    says: '$v',
  },
  { type: 'json', arrow: 'Utf8', values: ['{"a": [1, null], "b":  "é"}', 'null', null], says: '$v' },
  { type: 'jsonb', arrow: 'Utf8', values: ['{"a": [1, null], "b":  "é"}', 'null', '[]', null], says: '$v' },
  { type: 'bytea', arrow: 'Binary', values: ['', '\\x00', '\\xc328ff00', null], says: "encode($v, 'hex')" },
  {
    type: 'date',
    arrow: 'Date32<DAY>',
    values: [
      '1970-01-01',
      '2000-01-01',
      '1969-12-31',
      '4713-01-01 BC',
      '5874897-12-31',
      '0001-12-31 BC',
      null,
    ],
    says: "$v - date '1970-01-01'",
  },
  {
    type: 'time',
    arrow: 'Time64<MICROSECOND>',
    values: ['00:00', '23:59:59.999999', '12:00:00.000001', null],
    says: MICROSECONDS,
  },
  {
    type: 'timestamp',
    arrow: 'Timestamp<MICROSECOND>',
    values: [
      '1970-01-01',
      '1969-12-31 23:59:59.999999',
      '2000-01-01',
      '4713-01-01 00:00:00 BC',
      '294246-12-31 23:59:59.999999',
      '2026-11-21 01:02:03.000004',
      null,
    ],
    says: MICROSECONDS,
  },
  {
    type: 'timestamptz',
    arrow: 'Timestamp<MICROSECOND, UTC>',
    values: [
      '1970-01-01Z',
      '1969-12-31 23:59:59.999999Z',
      '2026-11-21 01:02:03.000004+05:45',
      '0044-03-15 12:00Z BC',
      '294246-12-31Z',
      null,
    ],
    says: MICROSECONDS,
  },
  {
    type: 'interval',
    arrow: 'Interval<MONTH_DAY_NANO>',
    values: [
      '0',
      '1 year 2 mons -3 days 04:05:06.789',
      '-1 microsecond',
      '-178000000 years',
      '2562047 hours',
      '-2147483648 days',
      null,
    ],
    // Its hours and what is below; taking the larger units away says it exactly.
    says: `(extract(year from $v) * 12 + extract(month from $v)) || ' ' || extract(day from $v) || ' ' ||
      (extract(hour from $v)::numeric * 3600000000 + extract(minute from $v)::numeric * 60000000 + extract(microseconds from $v)::numeric)`,
  },
]
