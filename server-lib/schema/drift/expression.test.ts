import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { reflect } from '../reflect/index.ts'
import { connect } from '../testing/connect.ts'
import { drift } from './index.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase('create table files (path text, size numeric, tags text[], at timestamptz)')
})
afterAll(() => database.drop())

/** The differences reported for a check in the models if the database has another. */
async function told(there: string, models: string): Promise<string[]> {
  await using connection = await connect(database.url)
  await connection.client.query(`begin; alter table files add constraint it check (${there})`)
  const reflected = await reflect(connection.client)
  const tables = reflected.tables.map(table => ({
    ...table,
    checks: [{ name: 'it', definition: `CHECK (${models})` }],
  }))
  return drift(reflected, { ...reflected, tables }).map(({ kind }) => kind)
}

test.each([
  [String.raw`path <> '\'`, String.raw`path <> '/'`],
  [String.raw`path <> '\' and path <> 'b'`, String.raw`path <> '\' and path <> 'c'`],
  [String.raw`path ~ '^\d+\.\w$'`, String.raw`path ~ '^d+.w$'`],
  [String.raw`path <> E'\\' or path = 'it''s'`, `path = 'it''s'`],
  [`path <> $$it's$$ /* not ) */ and path <> N'x'`, `path <> $$its$$ and path <> N'x'`],
  [`path in ('a', 'b') and size between 1 and 9.50`, `path in ('a') and size between 1 and 9.50`],
  [`path not in ('a', 'b')`, `path in ('a', 'b')`],
  [`size > -5 and path not like 'a%'`, `size > 5 and path not like 'a%'`],
  [`path::varchar(3) <> '' and CAST(size AS int) > 0`, `path <> 'x'`],
  [`array_length(tags, 1) > 0 and 'x' = any (tags)`, `array_length(tags, 1) > 0`],
  [`at > current_timestamp - interval '1 day'`, `at > now() - interval '2 days'`],
  [`(path = 'a' or path = 'b') and size > 1`, `path = 'a' or path = 'b' and size > 1`],
  [`path = 'a' or path = 'b' and size > 1`, `(path = 'a' or path = 'b') and size > 1`],
  [`not (path = 'a' or size > 1) and path <> 'c'`, `not path = 'a' or size > 1 and path <> 'c'`],
  [`not path = 'a' and not (not size > 1)`, `not (path = 'a' and not (not size > 1))`],
  [`size not between 1 and 9 or size is null`, `size between 1 and 9 or size is null`],
  [`not size between 1 and 9 and path <> 'a'`, `size not between 1 and 9 and path <> 'a'`],
  [
    `size between 1 and abs(9) and (path = 'a' or path = 'b')`,
    `size between 1 and abs(9) and path = 'a' or path = 'b'`,
  ],
  [
    `case when (size > 1 or size < 0) and path = 'a' then true else path in ('x', 'y') end`,
    `case when size > 1 and path = 'a' then true else path in ('x', 'y') end`,
  ],
  [`coalesce(size > 1 and (path = 'a' or path = 'b'), false)`, `coalesce(size > 1 and path = 'a', false)`],
  [`((size > 1) and ((path = 'a') and (at is null)))`, `size > 1 and path = 'a' or at is null`],
  [`'x' = any (array['x', 'y'] || tags) and path <> 'a'`, `'x' = any (array['x'] || tags) and path <> 'a'`],
  [`"size" IS NOT NULL AND Path Is Distinct From 'x'`, `size is null and path is distinct from 'x'`],
])('the check %s is what PostgreSQL prints of it, and %s is another', async (check, other) => {
  expect(await told(check, check)).toEqual([])
  expect(await told(check, other)).toEqual(['check'])
})
