import type { EngineFacts, Fact, Kind, Time } from '../rows.ts'
import type { EngineGauge } from '../protocol.ts'
import { PoolSim, type PoolWorld, type Step } from './pool-sim.ts'
import { Telling } from './telling.ts'

export type Script = Generator<Step, void, unknown>

interface Task {
  script: Script
  wakeAt: Time
}

/**
 * A simulated process: engines, pools and requests in virtual time, as rows of the protocol. The same seed gives the
 * same rows.
 */
export class World implements PoolWorld {
  now: Time = 0
  readonly told = new Telling()
  readonly rows = this.told.rows
  readonly dictionary = this.told.dictionary
  readonly pools = new Map<string, PoolSim>()
  readonly #tasks = new Set<Task>()
  readonly #ids = new Map<string, number>()
  #seed: number

  constructor(seed: number) {
    this.#seed = seed
  }

  engine(facts: EngineFacts): void {
    this.emit('engine', { facts })
    this.pools.set(facts.engine, new PoolSim(this, facts))
  }

  emit<K extends Kind>(kind: K, fact: Fact<K>): void {
    this.told.tell(round(this.now), kind, fact)
  }

  id(prefix: string): string {
    const next = (this.#ids.get(prefix) ?? 0) + 1
    this.#ids.set(prefix, next)
    return `${prefix}${next}`
  }

  random(): number {
    // mulberry32
    this.#seed = (this.#seed + 0x6d2b79f5) | 0
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  between(from: number, to: number): number {
    return from + this.random() * (to - from)
  }

  spawn(script: Script): void {
    this.#run({ script, wakeAt: this.now })
  }

  advance(to: Time): void {
    for (;;) {
      let next: Task | null = null
      for (const task of this.#tasks) if (!next || task.wakeAt < next.wakeAt) next = task
      if (!next || next.wakeAt > to) break
      this.#tasks.delete(next)
      this.now = Math.max(this.now, next.wakeAt)
      this.#run(next)
    }
    this.now = to
  }

  gauges(): EngineGauge[] {
    return [...this.pools.values()].map(pool => pool.gauge())
  }

  #run(task: Task): void {
    const { value, done } = task.script.next()
    if (done) return
    task.wakeAt = this.now + value
    this.#tasks.add(task)
  }
}

const round = (ms: number): number => Math.round(ms * 1000) / 1000
