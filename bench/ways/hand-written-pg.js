// What a careful user writes on pg alone.
import pg from 'pg'
import { expectRow, INSERT, NOTE, SELECT } from '../unit.js'

export function open({ url, max }) {
  const pool = new pg.Pool({ connectionString: url, max })
  return {
    async unit(id) {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        const { rows } = await client.query(SELECT, [id])
        await client.query(INSERT, [id, NOTE])
        await client.query('COMMIT')
        expectRow(rows[0], id)
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}
