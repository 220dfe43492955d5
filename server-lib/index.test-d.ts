import { expectTypeOf } from 'vitest'
import { createEngines, engine, type Db, type EngineStatus } from './index.ts'

interface ShopTables {
  groups: { id: number; name: string }
  items: { sku: string; price: number }
}
interface LogTables {
  lines: { at: Date; text: string }
}

const engines = createEngines(
  {
    reader: engine<ShopTables>()({ connection: 'postgres://', access: 'read' }),
    writer: engine<ShopTables>()({ connection: 'postgres://', default: true }),
    logger: engine<LogTables>()({ connection: 'postgres://', mode: 'autocommit', enlist: 'independent' }),
    plain: engine()({ connection: 'postgres://' }),
  },
  { prefer: ['reader', 'writer'] },
)

/** Never called: it only has to compile, and each line under `@ts-expect-error` must not. */
export async function typesOfEngines(): Promise<void> {
  const db = engines.open()

  // Rows are those of the engine's own tables.
  const groups = await db.reader('groups').where({ id: 1 })
  expectTypeOf(groups).toEqualTypeOf<{ id: number; name: string }[]>()
  expectTypeOf(await db.writer('items').first()).toEqualTypeOf<{ sku: string; price: number } | undefined>()
  const names = await db.writer('groups').select('name')
  expectTypeOf(names).toExtend<{ name: string }[]>()

  // @ts-expect-error: there is no such engine
  db.nope
  // @ts-expect-error: nor here
  engines.get('nope')
  // @ts-expect-error: nor here
  db.lazy('nope')
  // @ts-expect-error: that table is another engine's
  db.logger('groups')
  // @ts-expect-error: no such table
  db.reader('nope')
  // @ts-expect-error: no such column
  db.writer('groups').where({ nope: 1 })
  // @ts-expect-error: a wrong type of column
  db.writer('groups').insert({ id: 'one' })

  // A read engine has no writing methods.
  // @ts-expect-error: insert
  db.reader('groups').insert({ name: 'a' })
  // @ts-expect-error: update
  db.reader('groups').update({ name: 'a' })
  // @ts-expect-error: del
  db.reader('groups').del()
  // @ts-expect-error: truncate
  db.reader('groups').truncate()
  await db.writer('groups').insert({ name: 'a' })

  // An engine without table types takes any.
  await db.plain('anything').where({ whatever: 1 })

  expectTypeOf(engines.names).toEqualTypeOf<readonly ('reader' | 'writer' | 'logger' | 'plain')[]>()
  expectTypeOf(db.status.reader).toEqualTypeOf<EngineStatus>()
  // @ts-expect-error: status knows the same names
  db.status.nope
  expectTypeOf(db.lazy('writer')()).toEqualTypeOf(db.writer)
  expectTypeOf(engines.current).toEqualTypeOf<typeof db>()
  expectTypeOf(
    await engines.scope(async inside => (await inside.writer.query<{ n: number }>('select 1 n')).rows[0]?.n),
  ).toEqualTypeOf<number | undefined>()
  expectTypeOf(db.writer.identity?.backendPid).toEqualTypeOf<number | null | undefined>()

  // What a run resolves to is what its function does, a builder's rows included.
  expectTypeOf(await engines.run(() => 5, { isolation: 'serializable', retry: 3 })).toEqualTypeOf<number>()
  expectTypeOf(await engines.run(inside => inside.reader('groups').first())).toEqualTypeOf<
    { id: number; name: string } | undefined
  >()
  expectTypeOf(await db.savepoint(async () => 'kept')).toEqualTypeOf<string>()
  // @ts-expect-error: no such isolation
  void engines.run(() => {}, { isolation: 'snapshot' })
  // @ts-expect-error: no such propagation
  void engines.run(() => {}, { propagation: 'supports' })
  // @ts-expect-error: no such option
  void engines.run(() => {}, { retries: 3 })
  // @ts-expect-error: times is needed
  void engines.run(() => {}, { retry: { on: ['40001'] } })

  // @ts-expect-error: a container's parts cannot be replaced
  db.writer = db.writer
}

/** Wrong options do not compile. */
export function wrongOptions(): void {
  // @ts-expect-error: no source
  engine()({})
  // @ts-expect-error: two sources
  engine()({ connection: 'postgres://', knex: {} })
  // @ts-expect-error: no such access
  engine()({ connection: 'postgres://', access: 'ro' })
  // @ts-expect-error: a duration is a number of milliseconds
  engine()({ connection: 'postgres://', checkoutTimeoutMs: '5s' })
  // @ts-expect-error: no such option
  engine()({ connection: 'postgres://', acess: 'read' })
  // @ts-expect-error: prefer knows the engines
  createEngines({ a: engine()({ connection: 'postgres://' }) }, { prefer: ['b'] })
  // @ts-expect-error: reinit too
  void engines.reinit('nope')
}

/** A function that takes any container of these engines. */
export function takesDb(
  db: Db<typeof engines extends { open(): Db<infer D> } ? D : never>,
): Promise<unknown> {
  return db.writer.commit()
}
