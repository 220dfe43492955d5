import { DataSource, EntitySchema, type EntityManager } from 'typeorm'
import { heldOpen, testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { connectionOf } from './typeorm.ts'

interface Note {
  id: number
  body: string
}

const Notes = new EntitySchema<Note>({
  name: 'notes',
  columns: { id: { type: Number, primary: true, generated: true }, body: { type: String, unique: true } },
})

testHost({
  name: 'TypeORM',
  async open({ url }) {
    const source = new DataSource({ type: 'postgres', url, poolSize: 2, entities: [Notes] })
    await source.initialize()
    const transactionOn = (manager: EntityManager): HostTransaction => ({
      connection: () => connectionOf(manager),
      insert: body => manager.save(Notes, { body }),
      bodies: async () => (await manager.find(Notes, { order: { body: 'asc' } })).map(({ body }) => body),
      pid: async () => (await manager.query('select pg_backend_pid() pid'))[0].pid,
      nested: work => manager.transaction(inner => work(transactionOn(inner))),
    })
    return {
      // Its driver makes it.
      pool: (source.driver as unknown as { master: import('pg').Pool }).master,
      async begin() {
        const { tx, ...end } = await heldOpen<EntityManager>(work => source.transaction(work))
        return { ...transactionOn(tx), ...end }
      },
      close: () => source.destroy(),
    }
  },
})
