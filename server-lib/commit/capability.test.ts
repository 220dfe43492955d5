import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'

const role = `capability_${process.pid}`
let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase(`create table t (id int); ${INSTALL_SQL}
    create role ${role} login password 'secret'; grant insert on t to ${role}; grant select on enginelight_location to ${role}`)
})
afterAll(async () => {
  await database.admin(`drop owned by ${role}`)
  await database.admin(`drop role ${role}`)
  await database.drop()
})

test('each right that a decision needs is asked for, not one of them', async () => {
  const connection = database.url.replace('postgres:postgres@', `${role}:secret@`)
  const rights = ['select', 'insert', 'delete']
  for (const missing of rights) {
    const granted = rights.filter(right => right !== missing)
    await database.admin(`grant ${granted.join(', ')} on enginelight_decision to ${role}`)
    await using engines = createEngines(
      { one: engine()({ connection }), two: engine()({ connection }) },
      { requireTwoPhase: true },
    )
    await using db = engines.open()
    await db.one.query('insert into t values (1)')
    await db.two.query('insert into t values (1)')
    await expect(db.commit(), `without ${missing}`).rejects.toMatchObject({
      code: 'EL_TWO_PHASE_UNAVAILABLE',
      message: expect.stringContaining('its role may not insert into, read or delete from'),
    })
    await db.end()
    await engines.close()
    await database.admin(`revoke all on enginelight_decision from ${role}`)
  }
  await expectQuiet(database)
})
