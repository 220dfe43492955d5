import pg from 'pg'

/** A connection and one row: what a process takes that reads no schema. */
export async function open({ url }) {
  return {
    async read() {
      const client = new pg.Client(url)
      await client.connect()
      await client.query('select 1')
      await client.end()
      return null
    },
    close: async () => {},
  }
}
