import type { Discard } from '../../../server-lib/channels/words.ts'
import type { HolderFacts } from '../holder.ts'
import type { EngineFacts, Fact, Kind, Time } from '../rows.ts'
import type { EngineGauge } from '../protocol.ts'

/** A step of a script: how many milliseconds to sleep. */
export type Step = number

/** The process that a pool belongs to. */
export interface PoolWorld {
  readonly now: Time
  emit<K extends Kind>(kind: K, fact: Fact<K>): void
  id(prefix: string): string
  between(from: number, to: number): number
}

interface Slot {
  connection: string | null
  backendPid: number
  uses: number
  holder: Hold | null
}

export interface Hold {
  checkout: string
  request: string | null
  label: string | null
  site: string
  since: number
  slot: number
  connection: string
  state: HolderFacts['state']
  stateSince: number
}

interface Ask {
  checkout: string
  request: string | null
  label: string | null
  site: string
}

let nextPid = 20551

/** A simulated pool: slots, a queue, a time limit. */
export class PoolSim {
  readonly #world: PoolWorld
  readonly #facts: EngineFacts
  readonly #slots: Slot[]
  readonly #queue: { askedAt: number }[] = []

  constructor(world: PoolWorld, facts: EngineFacts) {
    this.#world = world
    this.#facts = facts
    this.#slots = Array.from({ length: facts.max }, () => ({
      connection: null,
      backendPid: 0,
      uses: 0,
      holder: null,
    }))
    for (let slot = 0; slot < facts.min; slot++) this.#connect(slot)
  }

  get facts(): EngineFacts {
    return this.#facts
  }

  *acquire(ask: Ask, frames: string[]): Generator<Step, Hold | null, unknown> {
    const world = this.#world
    const { engine, pool } = this.#facts
    const { checkout, request, site } = ask
    const askedAt = world.now
    const session = request === null ? null : `s${request.slice(1)}.${engine}`
    world.emit('checkoutStart', {
      id: checkout,
      engine,
      pool,
      request,
      session,
      site,
      frames: frames.join('\n'),
      isLineTaken: true,
    })
    let slot = this.#free()
    if (slot === -1) {
      const waiter = { askedAt }
      this.#queue.push(waiter)
      while (slot === -1) {
        // One tick at a time: the first in the queue takes a free slot.
        yield 4
        if (world.now - askedAt > this.#facts.checkoutTimeoutMs) {
          this.#queue.splice(this.#queue.indexOf(waiter), 1)
          return this.#fail(checkout, askedAt)
        }
        if (this.#queue[0] === waiter) slot = this.#free()
      }
      this.#queue.splice(this.#queue.indexOf(waiter), 1)
    }
    const target = this.#slots[slot]!
    if (target.connection === null) {
      target.holder = { ...ask, since: world.now, slot, connection: '', state: 'idle', stateSince: world.now }
      yield world.between(180, 420)
      this.#connect(slot)
    }
    target.uses += 1
    const since = world.now
    target.holder = { ...ask, since, slot, connection: target.connection!, state: 'idle', stateSince: since }
    world.emit('checkoutAcquired', { id: checkout, connection: target.connection!, waitMs: since - askedAt })
    return target.holder
  }

  release(hold: Hold, discarded: Discard | null = null): void {
    const world = this.#world
    const slot = this.#slots[hold.slot]!
    slot.holder = null
    world.emit('checkoutReleased', { id: hold.checkout, discarded })
    if (discarded === null) return
    world.emit('disconnected', { id: hold.connection, reason: discarded })
    slot.connection = null
  }

  pidOf(hold: Hold): number {
    return this.#slots[hold.slot]!.backendPid
  }

  gauge(): EngineGauge {
    const { engine, max } = this.#facts
    const holders = this.#slots.flatMap(slot => (slot.holder ? [slot.holder] : []))
    const idle = this.#slots.filter(slot => slot.connection && !slot.holder).length
    const oldest = holders.length === 0 ? null : this.#world.now - Math.min(...holders.map(h => h.since))
    return [engine, holders.length, idle, this.#queue.length, max, oldest]
  }

  #free(): number {
    const ready = this.#slots.findIndex(slot => !slot.holder && slot.connection)
    return ready === -1 ? this.#slots.findIndex(slot => !slot.holder) : ready
  }

  #connect(slot: number): void {
    const { engine, pool } = this.#facts
    const connection = this.#world.id('c')
    const backendPid = nextPid++
    Object.assign(this.#slots[slot]!, { connection, backendPid, uses: 0 })
    this.#world.emit('connected', { id: connection, engine, pool, slot, backendPid, uses: 0 })
  }

  #fail(checkout: string, askedAt: number): null {
    const world = this.#world
    const waited = world.now - askedAt
    const { engine } = this.#facts
    const message = `No connection of ${engine} was free within ${this.#facts.checkoutTimeoutMs} ms: ${this.#facts.max} of ${this.#facts.max} are held.`
    world.emit('checkoutFailed', {
      id: checkout,
      code: 'EL_CHECKOUT_TIMEOUT',
      message,
      waitMs: waited,
      holders: this.#holders(),
    })
    return null
  }

  #holders(): HolderFacts[] {
    return this.#slots.flatMap((slot, index) => {
      const { holder } = slot
      if (!holder) return []
      const { now } = this.#world
      return {
        slot: index,
        connection: holder.connection,
        backendPid: slot.backendPid,
        request: holder.request,
        requestLabel: holder.label,
        heldMs: now - holder.since,
        site: holder.site,
        isLineTaken: true,
        state: holder.state,
        stateMs: now - holder.stateSince,
        keptFor: null,
      }
    })
  }
}
