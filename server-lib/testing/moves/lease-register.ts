import { observe } from '../../channels/channels.ts'

/**
 * Who holds which connection, as told on the channel: no connection in two hands, no more of a pool in hands than it
 * may have, each given back once. `faults` says what was seen that must not be.
 */
export class LeaseRegister implements Disposable {
  readonly faults: string[] = []
  readonly #held = new Map<string, { checkout: string; pool: string }>()
  /** Check-outs that it has seen begin: of those that came before it would see only a part. */
  readonly #asked = new Set<string>()
  readonly #stop: () => void

  /**
   * `max` by engine; others are not counted. Where the process has other engines of the same names, `isOurs` tells whose a
   * check-out is that was granted just now.
   */
  constructor(
    max: Readonly<Record<string, number>>,
    isOurs: (engine: string, checkout: string) => boolean = () => true,
  ) {
    this.#stop = observe('enginelight:checkout', message => {
      const limit = max[message.engine]
      if (limit === undefined) return
      if (message.phase === 'start') this.#asked.add(message.id)
      if (message.phase === 'acquired') {
        if (isOurs(message.engine, message.id))
          this.#acquired(message.id, message.pool, message.connection, limit)
        else this.#asked.delete(message.id)
      }
      if (message.phase === 'released') this.#released(message.id, message.connection)
      if (message.phase === 'dirty') this.faults.push(`${message.connection} came with an open transaction`)
    })
  }

  #acquired(checkout: string, pool: string, connection: string, limit: number): void {
    if (!this.#asked.has(checkout)) return
    const other = this.#held.get(connection)
    if (other) this.faults.push(`${connection} went to ${checkout} while ${other.checkout} held it`)
    this.#held.set(connection, { checkout, pool })
    const used = [...this.#held.values()].filter(one => one.pool === pool).length
    if (used > limit) this.faults.push(`${used} connections of ${pool} are held, of at most ${limit}`)
  }

  #released(checkout: string, connection: string): void {
    if (!this.#asked.has(checkout)) return
    const holder = this.#held.get(connection)
    if (holder?.checkout !== checkout)
      this.faults.push(`${checkout} gave back ${connection}, held by ${holder?.checkout}`)
    else this.#held.delete(connection)
  }

  /** What must not be at the end, when nobody holds anything. */
  left(): string[] {
    const left = [...this.#held].map(([connection, { checkout }]) => `${checkout} still holds ${connection}`)
    return [...this.faults, ...left]
  }

  [Symbol.dispose](): void {
    this.#stop()
  }
}
