/** What is known of an engine without asking its database, for the panel, spans and logs. Never a credential. */
export interface EngineDescription {
  readonly engine: string
  /** `writer#1`; the number rises with each `reinit`. */
  readonly pool: string
  readonly isDefault: boolean
  /** The database, by OpenTelemetry's `db.system.name`: `postgresql`. */
  readonly system: string
  readonly mode: 'transaction' | 'autocommit' | 'borrowed'
  readonly access: 'read' | 'write'
  readonly enlist: 'atomic' | 'independent'
  readonly transactional: boolean
  /**
   * Where the pool came from: `connection` is a pool of ours; else the application's own knex or pg.Pool, or a host
   * whose connections are borrowed.
   */
  readonly source: 'connection' | 'knex' | 'pg.Pool' | 'borrowed'
  /** Whether we made the pool and will close it. */
  readonly owned: boolean
  readonly min: number
  readonly max: number
  readonly checkoutTimeoutMs: number
  /** Whether the driver tells which transactions are open. An old pg-native does not. */
  readonly transactions: 'told' | 'unknown'
  readonly serverAddress: string | null
  readonly serverPort: number | null
  readonly database: string | null
  /** This process and thread, and the application's name, as every report of this engine has them. */
  readonly application: string | null
  readonly pid: number
  readonly thread: number
}
