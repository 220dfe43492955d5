/**
 * Whatever runs a statement on one connection: a session, a client of pg, a borrowed one. A `pg.Pool` will do too, but
 * each of its statements may come to another connection, with another search path.
 */
export interface Queryable {
  query(text: string, values?: readonly unknown[]): Promise<{ rows: any[] }>
}
