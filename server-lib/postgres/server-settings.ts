import { inspect } from 'node:util'
import type { ClientClass, ServerDoor, ServerSettings } from '../engines/server-door.ts'

/** Left out: the connection string holds the password, and its parts are settings already. The second is no setting. */
const LEFT_OUT = new Set(['connectionString', 'isDomainSocket'])

/**
 * Reads what pg makes of a pool's own settings: of a connection string, of PGHOST and its like, and of its defaults. An
 * unconnected client opens no socket. Read once for each settings object: a knex gets a new one when its password has
 * expired.
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
      // Hidden as pg and its pool hide it: code that copies the settings reads it by name.
      const enumerable = name !== 'password'
      const shown = name === 'ssl' ? unlisted(value) : value
      Object.defineProperty(settings, name, { value: shown, enumerable, configurable: true, writable: true })
    }
  }
  return settings
}

const SECRETS_OF_TLS = new Set(['key', 'passphrase', 'pfx'])

/** A copy whose secrets TLS can read, but printing does not show. */
function unlisted(ssl: unknown): unknown {
  if (typeof ssl !== 'object' || ssl === null) return ssl
  const copy = { ...ssl, ...('key' in ssl ? { key: ssl.key } : {}) }
  const shown = () => Object.fromEntries(Object.entries(copy).filter(([name]) => !SECRETS_OF_TLS.has(name)))
  for (const name of ['toJSON', inspect.custom]) Object.defineProperty(copy, name, { value: shown })
  return copy
}
