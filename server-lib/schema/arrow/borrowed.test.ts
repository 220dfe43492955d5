import pg from 'pg'
import { expect, test } from 'vitest'
import { createEngines } from '../../index.ts'
import { borrow } from '../../sharing/index.ts'
import { createDatabase } from '../../testing/database.ts'
import { cellsOf } from '../../testing/arrow-cells.ts'
import { arrowBatches, toArrow } from '../index.ts'
import { ending } from '../../testing/ending.ts'

test("on a borrowed connection of pg the host's uncommitted rows are in the table, and an error leaves the host able to commit", async () => {
  await using database = await createDatabase('create table t (id int primary key)')
  await using host = ending(new pg.Client(database.url))
  await host.connect()
  await host.query('begin')
  await host.query('insert into t select generate_series(1, 300)')
  const borrowed = borrow({ connection: () => host as never })
  await using engines = createEngines({ host: borrowed.engine })
  await engines.scope(async db => {
    const table = await toArrow(db.host('t').where('id', '>', 298).orderBy('id'))
    expect(cellsOf(table)).toEqual([['299', '300']])
    await expect(
      toArrow({ session: db.host, text: 'select 1 / (id - 200) as n from t' }),
    ).rejects.toMatchObject({ code: '22012' })
  })
  await engines.scope(async db => {
    let rows = 0
    for await (const batch of arrowBatches(db.host('t'), { batchRows: 10 }))
      if ((rows += batch.numRows) >= 20) break
    expect(rows).toBe(20)
  })
  expect((await host.query('select count(*)::int as n from t')).rows).toEqual([{ n: 300 }])
  await host.query('commit')
  expect(await database.admin('select count(*)::int as n from t')).toEqual([{ n: 300 }])
})
