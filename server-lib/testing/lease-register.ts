import { observe } from '../channels/channels.ts'

/** One check-out as the pools told of it, from grant to release. */
export interface RegisteredLease {
  readonly session: string | null
  readonly backendPid: number | null
  readonly from: number
  until: number
}

/** Writes down who held which backend and when, from now on. Call `stop` when the test is over. */
export function registerLeases() {
  const askers = new Map<string, string | null>()
  const leases = new Map<string, RegisteredLease>()
  const stop = observe('enginelight:checkout', message => {
    if (message.phase === 'start') askers.set(message.id, message.session)
    if (message.phase === 'acquired') {
      const { id, backendPid, at: from } = message
      leases.set(id, { session: askers.get(id) ?? null, backendPid, from, until: Infinity })
    }
    const lease = leases.get(message.id)
    if (message.phase === 'released' && lease) lease.until = message.at
  })
  return {
    stop,
    leases: () => [...leases.values()],
    /** Pairs of leases that held one backend at one time: there must be none. */
    overlaps: () =>
      [...leases.values()].flatMap((one, index, all) =>
        all
          .slice(index + 1)
          .filter(other => other.backendPid === one.backendPid)
          .filter(other => one.from < other.until && other.from < one.until)
          .map(other => [one, other]),
      ),
    /** Leases that were never given back. */
    open: () => [...leases.values()].filter(({ until }) => until === Infinity),
  }
}
