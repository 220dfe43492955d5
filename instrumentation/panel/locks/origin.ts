/** How a request reached us: by the socket's own end, not by its headers. */
export interface Own {
  scheme: 'http' | 'https'
  port: number
}

/**
 * The accepted Host and Origin headers, compared as whole texts: no name is parsed, so none can be mistaken. A page
 * reached by a name that is not the server's own (DNS rebinding) fails by its Host.
 */
export class NameLock {
  readonly #allowedHosts: readonly string[]
  readonly #allowedOrigins: ReadonlySet<string>

  /** `allowedHosts` with or without a port; without one, our port and the scheme's default are accepted. */
  constructor(allowedHosts: readonly string[], allowedOrigins: readonly string[]) {
    this.#allowedHosts = allowedHosts
    this.#allowedOrigins = new Set(allowedOrigins)
  }

  admitsHost(host: string | undefined, own: Own): boolean {
    return host !== undefined && this.#hosts(own).has(host)
  }

  /** `host` was admitted before. A page's own origin is the scheme and the Host by which it was reached. */
  admitsOrigin(origin: string | undefined, host: string, own: Own): boolean {
    if (origin === undefined || origin === 'null') return false
    return origin === `${own.scheme}://${host}` || this.#allowedOrigins.has(origin)
  }

  #hosts({ scheme, port }: Own): Set<string> {
    const hosts = new Set<string>()
    const isDefaultPort = port === (scheme === 'https' ? 443 : 80)
    for (const name of ['localhost', '127.0.0.1', '[::1]']) {
      hosts.add(`${name}:${port}`)
      // Clients leave out the scheme's default port.
      if (isDefaultPort) hosts.add(name)
    }
    for (const name of this.#allowedHosts) {
      hosts.add(name)
      if (!hasPort(name)) hosts.add(`${name}:${port}`)
    }
    return hosts
  }
}

export function hasPort(host: string): boolean {
  return /:\d+$/.test(host) && !host.endsWith(']')
}

/** Whether a text is a host as a browser writes it: lower case, digits and dots, or an address in brackets. */
export function isHost(text: string): boolean {
  // URL accepts more characters than names have, for example `*`.
  if (!/^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d+)?$/.test(text)) return false
  try {
    const { host, hostname } = new URL(`http://${text}`)
    return host === text || (hostname !== '' && `${hostname}:80` === text)
  } catch {
    return false
  }
}

export function isOrigin(text: string): boolean {
  try {
    const { protocol, origin } = new URL(text)
    return (protocol === 'http:' || protocol === 'https:') && origin === text
  } catch {
    return false
  }
}
