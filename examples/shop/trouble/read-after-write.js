/** @type {import('./trouble.js').Trouble} */
export const readAfterWrite = {
  path: 'read-after-write',
  title: 'Reading elsewhere what was just written',
  does: 'Commits a change through the writer and reads the same table through the reader: on a replica, maybe too early.',
  shows: 'Read after write, with the time between; db.any would have read where it was written.',
  async handle(req) {
    const { writer, reader } = req.db
    await writer('stock').where({ product_id: 6 }).increment('quantity', 1)
    await writer.commit()
    return { read: await reader('stock').where({ product_id: 6 }).first() }
  },
}
