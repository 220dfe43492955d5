import type { HostConnection } from './host-connection.ts'

/** Why the connection is no longer the host's to lend; undefined while it is. */
export type Tenure = () => string | undefined

const hosts = new WeakMap<HostConnection, Tenure>()

/** For a host that knows more about the end of its transaction than the connection shows. Returns the connection. */
export function lentDuring<C extends HostConnection>(client: C, tenure: Tenure): C {
  hosts.set(client, tenure)
  return client
}

/**
 * Records to whom the connection belongs now. Once that has changed the tenure says why, even if the connection is in
 * use again. A pg.Pool's connection shows this by itself.
 */
export function tenureOf(client: HostConnection): Tenure {
  const release = releaseOf(client)
  // An earlier host's tenure that has ended says nothing about this one.
  const known = hosts.get(client)
  const host = known?.() === undefined ? known : undefined
  return () => host?.() ?? (isReleased(client, release) ? RELEASED : undefined)
}

export const RELEASED = 'the host has released it'

/** pg-pool gives each check-out a `release` of its own; other connections have none. */
export function releaseOf(client: HostConnection): unknown {
  return (client as { release?: unknown }).release
}

/** Whether this check-out of the connection is over. */
export function isReleased(client: HostConnection, release: unknown): boolean {
  return releaseOf(client) !== release || (release !== undefined && isIdle(client))
}

/** pg-pool keeps `release` until the next check-out, but has an error listener on each idle connection. */
function isIdle(client: HostConnection): boolean {
  const { listeners } = client as { listeners?(event: string): { name?: string }[] }
  return (
    typeof listeners === 'function' &&
    Reflect.apply(listeners, client, ['error']).some(({ name }) => name === 'idleListener')
  )
}
