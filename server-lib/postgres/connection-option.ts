import { EnginelightError } from '../channels/errors.ts'
import { describe } from '../channels/describe.ts'

const NOT_SET = 'is an environment variable not set?'
/** Settings for which pg has defaults when they are left out: a server on this machine, a database named like the user. */
const DEFAULTED = ['connectionString', 'host', 'port', 'database', 'user'] as const

/** Refuses a `connection` in which a value is missing that was meant to be set: pg would silently connect to another server. */
export function checkConnection(name: string, connection: unknown): void {
  if (connection instanceof URL) {
    throw new EnginelightError(
      'EL_CONFIG',
      `Engine "${name}": connection is a URL object, and pg would read nothing from it: write connection: url.href.`,
      { engine: name, option: 'connection' },
    )
  }
  const found = missingIn(connection)
  if (!found) return
  const { option, what } = found
  throw new EnginelightError('EL_CONFIG', `Engine "${name}": ${what}: ${NOT_SET}`, { engine: name, option })
}

function missingIn(connection: unknown): { option: string; what: string } | undefined {
  if (connection === undefined || connection === null || connection === '')
    return { option: 'connection', what: `connection is ${describe(connection)}` }
  if (typeof connection === 'string') {
    const part = undefinedPart(connection)
    return part === undefined
      ? undefined
      : { option: 'connection', what: `the ${part} of connection is "undefined"` }
  }
  if (typeof connection !== 'object' || Array.isArray(connection)) return undefined
  const given = connection as Record<string, unknown>
  const key = DEFAULTED.find(
    one =>
      Object.hasOwn(given, one) &&
      (given[one] === undefined || given[one] === '' || Number.isNaN(given[one])),
  )
  if (key === undefined) return undefined
  return {
    option: `connection.${key}`,
    what: `connection.${key} is ${describe(given[key])}, and pg would use its default: if you want that, leave ${key} out`,
  }
}

/** The part of a URL that a template has filled with an unset variable. */
function undefinedPart(url: string): string | undefined {
  if (!url.includes('undefined') || !URL.canParse(url)) return undefined
  const { hostname, username, password, pathname } = new URL(url)
  const parts = { host: hostname, user: username, password, database: pathname.slice(1) }
  return Object.entries(parts).find(([, value]) => value === 'undefined')?.[0]
}
