import type { HostConnection } from './host-connection.ts'

/** Why a connection is no longer the host's to lend; undefined while it is. */
export type Tenure = () => string | undefined

const hosts = new WeakMap<HostConnection, Tenure>()

/** For a host that knows more of the end of its transaction than the connection shows. Returns the connection. */
export function lentDuring<C extends HostConnection>(client: C, tenure: Tenure): C {
  hosts.set(client, tenure)
  return client
}

/**
 * Takes down whose the connection is now. From the moment that it is his no more, the tenure says why, whoever has it then. One of
 * a pg.Pool shows it by itself.
 */
export function tenureOf(client: HostConnection): Tenure {
  const release = releaseOf(client)
  // What an earlier host said of it, whose transaction is over by now, says nothing of this one.
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

/** pg-pool keeps `release` until somebody else takes the connection, but listens to those that nobody has. */
function isIdle(client: HostConnection): boolean {
  const { listeners } = client as { listeners?(event: string): { name?: string }[] }
  return (
    typeof listeners === 'function' &&
    Reflect.apply(listeners, client, ['error']).some(({ name }) => name === 'idleListener')
  )
}
