import { inspect } from 'node:util'

/** A class of connections, as pg has it: made of settings, it opens nothing yet. */
export type ClientClass = new (settings: object) => {
  readonly connectionParameters?: object
}

/**
 * What it takes to reach the server of a pool once more, as pg's `Client` takes it. What is secret in it is found by name, and is in
 * nothing that lists or prints it.
 */
export type ServerSettings = Readonly<Record<string, unknown>>

/** How to reach the server, and the class that does it. */
export interface ServerDoor {
  readonly settings: ServerSettings
  readonly Client: ClientClass | undefined
}

/** Said in parts: as a text it holds the password. The second is no setting. */
const LEFT_OUT = new Set(['connectionString', 'isDomainSocket'])

/**
 * Reads what pg makes of a pool's own settings: of a connection string, of PGHOST and its like, and of its defaults. A client that
 * is not connected opens no socket. Read once for each object of settings: a knex gets others when its password has expired.
 */
export function serverDoor(own: () => object, Client: ClientClass | undefined): () => ServerDoor {
  let from: object | undefined
  let door: ServerDoor = { settings: {}, Client }
  return () => {
    const now = own()
    if (now !== from) door = { settings: readSettings((from = now), Client), Client }
    return door
  }
}

function readSettings(own: object, Client: ClientClass | undefined): ServerSettings {
  const settings: Record<string, unknown> = {}
  const understood = Client === undefined ? {} : (new Client(own).connectionParameters ?? {})
  for (const from of [own, understood]) {
    for (const name of Object.getOwnPropertyNames(from)) {
      const value = (from as Record<string, unknown>)[name]
      if (value === undefined || LEFT_OUT.has(name)) continue
      // As pg and its pool hide it: those who copy the settings take it by name.
      const enumerable = name !== 'password'
      const shown = name === 'ssl' ? unlisted(value) : value
      Object.defineProperty(settings, name, { value: shown, enumerable, configurable: true, writable: true })
    }
  }
  return settings
}

const SECRETS_OF_TLS = new Set(['key', 'passphrase', 'pfx'])

/** A copy whose secrets TLS finds, and which does not print them. */
function unlisted(ssl: unknown): unknown {
  if (typeof ssl !== 'object' || ssl === null) return ssl
  const copy = { ...ssl, ...('key' in ssl ? { key: ssl.key } : {}) }
  const shown = () => Object.fromEntries(Object.entries(copy).filter(([name]) => !SECRETS_OF_TLS.has(name)))
  for (const name of ['toJSON', inspect.custom]) Object.defineProperty(copy, name, { value: shown })
  return copy
}
