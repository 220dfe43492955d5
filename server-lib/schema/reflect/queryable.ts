/**
 * Runs statements on one connection: a session, a client of pg, a borrowed connection. A `pg.Pool` works too, but each
 * of its statements may run on another connection, with another search path.
 */
export interface Queryable {
  query(text: string, values?: readonly unknown[]): Promise<{ rows: any[] }>
}
