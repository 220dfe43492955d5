import pg from 'pg'

/** A connection for one test, closed at its end; it counts the statements that it sends. */
export async function connect(
  url: string,
): Promise<{ client: pg.Client; sent: string[]; [Symbol.asyncDispose](): Promise<void> }> {
  const client = new pg.Client(url)
  await client.connect()
  const sent: string[] = []
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  Object.assign(client, {
    query: (...args: unknown[]) => {
      sent.push(String(args[0]))
      return query(...args)
    },
  })
  return { client, sent, [Symbol.asyncDispose]: () => client.end() }
}
