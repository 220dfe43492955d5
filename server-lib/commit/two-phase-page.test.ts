import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Coordinator } from '../testing/coordinator.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'

let database: TestDatabase
beforeAll(
  async () =>
    void (database = await createDatabase(
      `create table t (id serial primary key, name text); ${INSTALL_SQL}`,
    )),
)
afterAll(() => database.drop())

test('R33 the statements of docs/two-phase.md show what is prepared, its age and its locks, and the decision', async () => {
  const page = await readFile(new URL('../../docs/two-phase.md', import.meta.url), 'utf8')
  const [prepared = '', location = '', decisions = ''] = [...page.matchAll(/```sql\n([^]*?)```/g)].map(
    ([, text]) => text,
  )
  await using coordinator = await Coordinator.between(database, database)
  await coordinator.toPrepared()
  await coordinator.commit()
  const seen = await database.admin(prepared)
  expect(seen.filter(row => row.database === database.name)).toEqual([
    {
      gid: coordinator.gid,
      database: database.name,
      owner: 'postgres',
      age: expect.anything(),
      tables: expect.arrayContaining(['t']),
    },
  ])
  const [{ id } = {}] = await database.admin(location)
  expect(coordinator.gid.endsWith(`:${id}`)).toBe(true)
  expect(await database.admin(decisions)).toEqual([
    {
      transaction: coordinator.transaction,
      decided_at: expect.any(Date),
      participants: [{ engine: 'writer', database: database.name, gid: coordinator.gid }],
    },
  ])
  await coordinator.commitPrepared()
})
