/** The address of an engine's server, as far as its configuration tells. Never a user, never a password. */
export interface ServerAddress {
  readonly serverAddress: string | null
  readonly serverPort: number | null
  readonly database: string | null
}

/** The driver's class of connections: constructing one opens nothing yet. */
export type ClientClass = new (settings: object) => { readonly connectionParameters?: object }

/**
 * The settings to reach a pool's server again, as the driver's own connections take them. A secret in them is read by
 * its name, and is never listed or printed.
 */
export type ServerSettings = Readonly<Record<string, unknown>>

/** The settings to reach a server, and the class that connects. */
export interface ServerDoor {
  readonly settings: ServerSettings
  readonly Client: ClientClass | undefined
}
