import { BlockList, isIP } from 'node:net'

/** Decides whether a remote address may connect: loopback, and the ranges given. */
export class PeerLock {
  readonly #allowed = new BlockList()

  /** `ranges` are CIDRs or single addresses; `invalidRange` returns one that is neither. */
  constructor(ranges: readonly string[]) {
    this.#allowed.addSubnet('127.0.0.0', 8, 'ipv4')
    this.#allowed.addAddress('::1', 'ipv6')
    for (const range of ranges) {
      const [address = '', prefix] = range.split('/')
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      if (prefix === undefined) this.#allowed.addAddress(address, family)
      else this.#allowed.addSubnet(address, Number(prefix), family)
    }
  }

  /** By the socket's own address only: anyone can write a header. */
  admits(remoteAddress: string | undefined): boolean {
    if (remoteAddress === undefined) return false
    // A link-local address includes its interface, which is not part of the number.
    const address = (remoteAddress.split('%', 1)[0] ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
    const version = isIP(address)
    return version !== 0 && this.#allowed.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}

/** Whether a text is an address or a range of addresses. */
export function isRange(text: string): boolean {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text)
  const version = isIP(match?.[1] ?? '')
  if (!match || version === 0 || match[1]?.includes('%')) return false
  return match[2] === undefined || Number(match[2]) <= (version === 4 ? 32 : 128)
}
