import type { ServerAddress } from '../engines/server-door.ts'

/** Reads the server's address from pg's settings: a URL, or separate host, port and database. */
export function serverAddressOf(settings: Record<string, unknown> | undefined): ServerAddress {
  const url = typeof settings?.connectionString === 'string' ? parseUrl(settings.connectionString) : undefined
  const host = url?.hostname || settings?.host
  const port = Number(url?.port || settings?.port || 5432)
  const database = url?.pathname.slice(1) || settings?.database
  return {
    serverAddress: typeof host === 'string' ? host : null,
    serverPort: typeof host === 'string' && Number.isInteger(port) ? port : null,
    database: typeof database === 'string' ? decodeURIComponent(database) : null,
  }
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
