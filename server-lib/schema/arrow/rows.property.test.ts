import { tableFromIPC, tableToIPC, Table } from 'apache-arrow'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import { cellsOf } from '../../testing/arrow-cells.ts'
import { ORACLES, type Oracle } from '../../testing/arrow-oracles.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { freshSeed, isLong, seedFromEnv } from '../../testing/seeded.ts'
import { arrowBatches, toArrow } from '../index.ts'

let database: TestDatabase
const open = () => createEngines({ main: engine()({ connection: database.url }) })
let engines: ReturnType<typeof open>
beforeAll(async () => {
  database = await createDatabase()
  engines = open()
})
afterAll(async () => {
  await engines.close()
  await database.drop()
})

const digits = (count: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${count}}$`))
const signed = (text: fc.Arbitrary<string>) =>
  fc.tuple(fc.constantFrom('', '-'), text).map(parts => parts.join(''))
const decimals = (whole: number, fraction: number) =>
  signed(fc.tuple(digits(whole), digits(fraction)).map(([a, b]) => `${a}.${b}`))
const between = (from: bigint, to: bigint) => fc.bigInt(from, to).map(String)
const texts = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map(text => Buffer.from(text.replaceAll('\0', '')).toString())
const moments = fc.bigInt(-210_000_000_000_000_000n, 9_000_000_000_000_000_000n)

/** Hours, minutes and seconds: before PostgreSQL 15 none of the other units takes more than 32 bits. */
function clock(micros: bigint): string {
  const size = micros < 0n ? -micros : micros
  const [hours, minutes] = [size / 3_600_000_000n, (size / 60_000_000n) % 60n]
  const seconds = String(size % 60_000_000n).padStart(8, '0')
  return `${micros < 0n ? '-' : ''}${hours}:${minutes}:${seconds.slice(0, 2)}.${seconds.slice(2)}`
}

/** Values as PostgreSQL reads them, or an SQL expression of `$t` where it has no such text. */
const RANDOM: Record<string, { values: fc.Arbitrary<string>; from?: string }> = {
  bool: { values: fc.constantFrom('t', 'f') },
  int2: { values: between(-32_768n, 32_767n) },
  int4: { values: between(-(2n ** 31n), 2n ** 31n - 1n) },
  int8: { values: between(-(2n ** 63n), 2n ** 63n - 1n) },
  float4: { values: fc.float().map(value => String(value)) },
  float8: { values: fc.double().map(value => (Object.is(value, -0) ? '-0' : String(value))) },
  'numeric(12,2)': { values: decimals(10, 2) },
  'numeric(38,0)': { values: signed(digits(38)) },
  'numeric(38,19)': { values: decimals(19, 19) },
  'numeric(60,20)': { values: decimals(40, 20) },
  numeric: { values: decimals(60, 60) },
  text: { values: texts },
  uuid: { values: fc.uuid() },
  jsonb: { values: fc.json({ noUnicodeString: true } as never).filter(json => !json.includes('\\u')) },
  bytea: {
    values: fc.uint8Array({ maxLength: 60 }).map(bytes => `\\x${Buffer.from(bytes).toString('hex')}`),
  },
  date: {
    values: fc.integer({ min: -2_400_000, max: 2_000_000_000 }).map(String),
    from: "date '1970-01-01' + $t::int",
  },
  time: {
    values: between(0n, 86_399_999_999n),
    from: "time '00:00' + $t::bigint * interval '1 microsecond'",
  },
  timestamp: {
    values: moments.map(String),
    from: "timestamp '1970-01-01' + make_interval(secs => 0) + ($t::numeric / 86400000000)::int * interval '1 day' + mod($t::numeric, 86400000000)::bigint * interval '1 microsecond'",
  },
  interval: {
    values: fc
      .tuple(
        between(-(2n ** 31n) + 1n, 2n ** 31n - 2n),
        between(-(2n ** 31n) + 1n, 2n ** 31n - 2n),
        between(-9_000_000_000_000_000n, 9_000_000_000_000_000n),
      )
      .map(([months, days, micros]) => `${months} months ${days} days ${clock(BigInt(micros))}`),
  },
}

const types = ORACLES.filter(({ type }) => RANDOM[type])
const castOf = ({ type }: Oracle) => RANDOM[type]?.from ?? `$t::${type}`

const columns = fc.uniqueArray(fc.constantFrom(...types), {
  minLength: 1,
  maxLength: 8,
  selector: ({ type }) => type,
})
const rows = columns.chain(chosen =>
  fc.record({
    chosen: fc.constant(chosen),
    given: fc.array(
      fc.tuple(...chosen.map(({ type }) => fc.option(RANDOM[type]?.values ?? fc.constant(''), { freq: 4 }))),
      { maxLength: 40 },
    ),
    batchRows: fc.integer({ min: 1, max: 12 }),
    asArrays: fc.boolean(),
  }),
)

const RUNS = isLong ? 5_000 : 60

test(
  `${RUNS} tables of random types and rows are what PostgreSQL says they are, whole, in batches and through a writer`,
  async () => {
    const given = seedFromEnv()
    await fc.assert(fc.asyncProperty(rows, check), {
      seed: given?.seed ?? freshSeed(),
      ...(given?.path === undefined ? {} : { path: given.path }),
      numRuns: RUNS,
    })
  },
  isLong ? 900_000 : 60_000,
)

type Rows = typeof rows extends fc.Arbitrary<infer T> ? T : never

async function check({ chosen, given, batchRows, asArrays }: Rows): Promise<void> {
  const values = chosen.map((_, at) => given.map(row => row[at] ?? null))
  const source = `unnest(${chosen.map((_, at) => `$${at + 1}::text[]`).join(', ')}) with ordinality as given(${chosen.map((_, at) => `t${at}`).join(', ')}, n)`
  const typed = chosen.map((oracle, at) => `(${castOf(oracle).replaceAll('$t', `t${at}`)})`)
  const said = chosen.map(({ says }, at) => `(${says.replaceAll('$v', typed[at] as string)})::text as s${at}`)
  const asked = typed.map(
    (sql, at) =>
      `${asArrays ? `array[${sql}, null, ${sql}]` : sql}::${chosen[at]?.type}${asArrays ? '[]' : ''} as c${at}`,
  )
  const expected = await database.admin<Record<string, string | null>>(
    `select ${said.join(', ')} from ${source} order by n`,
    values,
  )
  const columns = chosen.map((_, at) =>
    expected.map(row => (asArrays ? [row[`s${at}`], null, row[`s${at}`]] : row[`s${at}`])),
  )
  await engines.scope(async db => {
    const query = { session: db.main, text: `select ${asked.join(', ')} from ${source} order by n`, values }
    const table = await toArrow(query)
    expect(cellsOf(table)).toEqual(columns)
    expect(cellsOf(tableFromIPC(tableToIPC(table)))).toEqual(columns)
    const batches = []
    for await (const batch of arrowBatches(query, { batchRows })) batches.push(batch)
    expect(cellsOf(new Table(batches))).toEqual(columns)
  })
}
