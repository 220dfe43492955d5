import { setTimeout as sleep } from 'node:timers/promises'
import type { PgClient } from '../../postgres/driver.ts'
import type { TestDatabase } from '../database.ts'
import { SESSION_POINTS, strikeAt } from '../../identity/fault-points.ts'
import { BLACK_HOLE, HEALTHY, type FaultProxy, type ProxiedConnection } from '../fault-proxy.ts'
import type { Seeded } from '../seeded.ts'
import type { Job } from './job.ts'
import type { StormEngines } from './storm-engines.ts'
import { stall } from '../stall.ts'

const BLOWS = [
  'terminate a backend',
  'cancel a backend',
  'destroy a socket at a point',
  'terminate at a point',
  'reset at a point',
  'reset a connection',
  'lose an answer',
  'hold a connection',
  'stall the loop',
  'abort requests',
  'reinit',
] as const
type Blow = (typeof BLOWS)[number] | 'black hole'

/** What a storm is let loose upon. */
export interface Targets {
  readonly database: TestDatabase
  readonly proxy: FaultProxy
  readonly engines: StormEngines
  readonly running: ReadonlySet<Job>
}

/** Strikes at random moments and at random points of the library until it is told to stop. All of it is drawn from one seed. */
export class Nemesis {
  readonly log: string[] = []
  readonly #chance: Seeded
  readonly #targets: Targets
  readonly #later: Promise<unknown>[] = []
  readonly #armed: Disposable[] = []
  readonly #cancels: (() => void)[] = []
  #stopped = false

  constructor(chance: Seeded, targets: Targets) {
    this.#chance = chance
    this.#targets = targets
  }

  async rage(): Promise<void> {
    const startedAt = performance.now()
    while (!this.#stopped) {
      await sleep(this.#chance.between(5, 60))
      if (this.#stopped) return
      // Rare: whatever falls into one takes its whole deadline.
      const blow: Blow = this.#chance.chance(0.03) ? 'black hole' : this.#chance.pick(BLOWS)
      this.log.push(`${Math.round(performance.now() - startedAt)} ms ${blow}`)
      await this.#strike(blow)
    }
  }

  /** No more blows: what is armed is taken back, and the network is well again. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const armed of this.#armed) armed[Symbol.dispose]()
    for (const cancel of this.#cancels) cancel()
    this.#targets.proxy.set({ ...HEALTHY }, 'new')
    // Connections in a black hole stay there, as they would.
    await Promise.allSettled(this.#later)
  }

  async #strike(blow: Blow): Promise<void> {
    const { database, proxy, engines, running } = this.#targets
    const chance = this.#chance
    switch (blow) {
      case 'terminate a backend':
      case 'cancel a backend': {
        const does = blow === 'cancel a backend' ? 'pg_cancel_backend' : 'pg_terminate_backend'
        const pids = (await database.backends()).map(({ pid }) => pid)
        if (pids.length > 0) await database.admin(`select ${does}($1)`, [chance.pick(pids)])
        return
      }
      case 'destroy a socket at a point':
        return this.#arm(driver => void driver.connection?.stream?.destroy())
      case 'terminate at a point':
        return this.#arm(driver => void this.#terminate(driver.processID))
      case 'reset at a point':
        return this.#arm(driver => this.#proxied(driver)?.reset())
      case 'reset a connection':
        return this.#one()?.reset()
      case 'lose an answer': {
        const strike = proxy.once(chance.pick(['COMMIT', 'INSERT', 'BEGIN', 'ROLLBACK']), 'reset', {
          from: 'server',
        })
        return void this.#cancels.push(() => strike.cancel())
      }
      case 'hold a connection': {
        const held = this.#one()
        held?.set({ toClient: 'hold' })
        return void this.#later.push(
          sleep(chance.between(5, 200)).then(() => held?.set({ toClient: 'pass' })),
        )
      }
      case 'black hole':
        return this.#one()?.set(BLACK_HOLE)
      case 'stall the loop':
        return stall(chance.between(20, 150))
      case 'abort requests':
        for (const job of running) if (chance.chance(0.3)) job.abort.abort(new Error('the client has left'))
        return
      case 'reinit':
        return void this.#later.push(engines.engines.reinit('main').catch(() => {}))
      default:
        throw blow satisfies never
    }
  }

  /** The next time that a session comes by a point, or one of the times after that. */
  #arm(strike: (driver: PgClient) => void): void {
    const point = this.#chance.pick(SESSION_POINTS)
    this.log.push(`    ${point}`)
    const after = this.#chance.between(0, 3)
    this.#armed.push(strikeAt<PgClient>(point, driver => void (driver && strike(driver)), { after }))
  }

  async #terminate(pid: number | null | undefined): Promise<void> {
    if (pid) await this.#targets.database.admin('select pg_terminate_backend($1)', [pid])
  }

  #one(): ProxiedConnection | undefined {
    const { connections } = this.#targets.proxy
    return connections.length === 0 ? undefined : this.#chance.pick(connections)
  }

  #proxied({ processID }: PgClient): ProxiedConnection | undefined {
    return this.#targets.proxy.connections.find(one => one.backendPid === processID)
  }
}
