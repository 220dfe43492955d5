// As its users write it: entities, a fork of the entity manager for the request, the insert by flush at the end.
import { EntitySchema, MikroORM } from '@mikro-orm/postgresql'
import { expectRow, NOTE } from '../unit.js'

const Item = new EntitySchema({
  name: 'Item',
  tableName: 'items',
  properties: {
    id: { type: 'number', primary: true, autoincrement: false },
    name: { type: 'string' },
    price: { type: 'number' },
  },
})
const Event = new EntitySchema({
  name: 'Event',
  tableName: 'events',
  properties: {
    id: { type: 'bigint', primary: true },
    itemId: { type: 'number', fieldName: 'item_id' },
    note: { type: 'string' },
  },
})

export async function open({ url, max }) {
  const orm = await MikroORM.init({ entities: [Item, Event], clientUrl: url, pool: { min: 0, max } })
  return {
    unit: id =>
      orm.em.fork().transactional(async em => {
        const item = await em.findOne(Item, id)
        em.persist(em.create(Event, { itemId: id, note: NOTE }))
        expectRow(item, id)
      }),
    close: () => orm.close(),
  }
}
