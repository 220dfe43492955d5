// As its users write it: entities, and `save` for what is new.
import 'reflect-metadata'
import { DataSource, EntitySchema } from 'typeorm'
import { expectRow, NOTE } from '../unit.js'

const Item = new EntitySchema({
  name: 'items',
  columns: { id: { type: 'int', primary: true }, name: { type: 'text' }, price: { type: 'int' } },
})
const Event = new EntitySchema({
  name: 'events',
  columns: {
    id: { type: 'bigint', primary: true, generated: 'increment' },
    itemId: { type: 'int', name: 'item_id' },
    note: { type: 'text' },
  },
})

export async function open({ url, max }) {
  const source = new DataSource({ type: 'postgres', url, entities: [Item, Event], poolSize: max })
  await source.initialize()
  return {
    unit: id =>
      source.transaction(async manager => {
        const item = await manager.findOneBy(Item, { id })
        await manager.save(Event, { itemId: id, note: NOTE })
        expectRow(item, id)
      }),
    close: () => source.destroy(),
  }
}
