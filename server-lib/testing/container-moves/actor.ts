import { setTimeout as sleep } from 'node:timers/promises'
import { EnginelightError } from '../../index.ts'
import type { InnerMove, Move, Name } from './move.ts'
import { UnitModel, type Row } from './unit-model.ts'
import type { World } from './world.ts'

/** How long any single move may take, with all that it may wait for. */
const MOVE_DEADLINE_MS = 15_000

class Thrown extends Error {}

/** What a container may say to a move; everything else is a fault. SQLSTATEs are those that the moves provoke themselves. */
const SAID = new Set<unknown>([
  'EL_CHECKOUT_DEADLOCK',
  'EL_CHECKOUT_TIMEOUT',
  'EL_CHECKOUT_FAILED',
  'EL_COMMIT_FAILED',
  'EL_COMMIT_ROLLED_BACK',
  'EL_COMMIT_UNKNOWN',
  'EL_CONNECTION_LOST',
  'EL_DOOMED',
  'EL_ENDED',
  'EL_ILLEGAL_MOVE',
  'EL_PARTIAL_COMMIT',
  'EL_TRANSACTION_FAILED',
  'EL_TWO_PHASE_UNAVAILABLE',
  '22012',
  '23505',
])

const codeOf = (error: unknown) => (error as { code?: unknown } | null)?.code

/** One container that plays its moves, beside a model of what must be in the tables because of them. */
export class Actor {
  readonly model = new UnitModel()
  /** What was done and what came of it: printed when something else should have. */
  readonly log: string[] = []
  readonly faults: string[] = []
  readonly #name: string
  readonly #world: World
  readonly #db
  #written = 0
  #isDoomed = false

  constructor(name: string, world: World) {
    this.#name = name
    this.#world = world
    this.#db = world.engines.open({ label: name })
  }

  async play(moves: readonly Move[]): Promise<void> {
    for (const move of moves) {
      this.log.push(JSON.stringify(move))
      await this.#within(this.#play(move))
      if (this.faults.length > 0) break
    }
    await this.#within(this.#end())
  }

  async #within(work: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>(resolve => {
      timer = setTimeout(() => resolve('late'), MOVE_DEADLINE_MS)
    })
    const outcome = await Promise.race([work, late]).finally(() => clearTimeout(timer))
    if (outcome === 'late') this.faults.push(`not over after ${MOVE_DEADLINE_MS} ms: ${this.log.at(-1)}`)
  }

  /** What came of it, as its code or `ok`; what nobody may say is a fault. */
  async #said(work: () => Promise<unknown>): Promise<unknown> {
    try {
      await work()
      return 'ok'
    } catch (error) {
      const code = error instanceof Thrown ? 'thrown' : codeOf(error)
      this.log.push(`  ${String(code)}: ${(error as Error).message.slice(0, 160)}`)
      if (code !== 'thrown' && !SAID.has(code))
        this.faults.push(`unexpected ${String(error)} after ${this.log.at(-2)}`)
      return error
    }
  }

  #play(move: Move): Promise<unknown> {
    switch (move.do) {
      case 'write':
      case 'read':
      case 'mark':
      case 'fail':
      case 'write at once':
      case 'savepoint':
        return this.#said(() => this.#inner(move))
      case 'commit':
        return this.#commit(move.and, move.on)
      case 'rollback':
        return this.#rollback()
      case 'doom':
        return this.#said(async () => this.#doom())
      case 'end':
        return this.#end()
      case 'commit the session':
        return this.#commitSession(move.on)
      case 'roll back the session':
        return this.#said(async () => {
          await this.#db[move.on].rollback()
          this.model.sessionRolledBack(move.on)
        })
      case 'refuse at commit':
        return this.#said(() => this.#db[move.on].query("insert into doomed values ('refuse')"))
      case 'notify':
        return this.#said(() => this.#db[move.on].query('notify moves'))
      case 'hook':
        return this.#said(async () => this.#hook(move))
      case 'kill':
        return this.#kill(move.on, move.isNoticed)
      case 'pause':
        return sleep(move.ms)
      default:
        return move satisfies never
    }
  }

  async #inner(move: InnerMove): Promise<unknown> {
    const db = this.#db
    switch (move.do) {
      case 'write':
        return this.#write(move.on, row => this.model.pending.push(row), move.via)
      case 'read':
        return db[move.on]('marks').where({ id: 'taken' })
      case 'mark':
        return db.markChanged(move.on)
      case 'fail':
        return db[move.on].query(move.how === 'unique' ? "insert into marks values ('taken')" : 'select 1/0')
      case 'write at once':
        return Promise.allSettled(move.on.map(on => this.#write(on, row => this.model.pending.push(row))))
      case 'savepoint':
        return this.#savepoint(move)
      default:
        return move satisfies never
    }
  }

  async #write(
    on: Name,
    written: (row: Row) => unknown,
    via: 'query' | 'builder' | 'function' = 'query',
  ): Promise<void> {
    const id = `${this.#name}.${on}.${++this.#written}`
    const session = this.#db[on]
    if (via === 'query') await session.query('insert into marks (id) values ($1)', [id])
    else if (via === 'builder') await session('marks').insert({ id })
    else await session.query('select write_mark($1)', [id])
    written({ id, on })
  }

  async #savepoint({ of, inner, end }: Extract<InnerMove, { do: 'savepoint' }>): Promise<void> {
    const before = new Set(this.model.pending)
    const fn = async () => {
      for (const move of inner) {
        const said = await this.#said(() => this.#inner(move))
        // Swallowed: what had failed undoes the savepoint all the same.
        this.log.push(`  inside ${JSON.stringify(move)}: ${said === 'ok' ? 'ok' : String(codeOf(said))}`)
      }
      if (end === 'throw') throw new Thrown('undone')
      // Inside of a savepoint of one session alone it would be legal, and end that.
      if (end === 'commit' && of === 'all') {
        const said = await this.#said(() => this.#db.commit())
        if (!['EL_ILLEGAL_MOVE', 'EL_DOOMED', 'EL_ENDED'].includes(codeOf(said) as string))
          this.faults.push('commit() inside of a savepoint was not refused')
      }
    }
    try {
      await (of === 'all' ? this.#db.savepoint(fn) : this.#db[of].savepoint(fn))
    } catch (error) {
      const inside = this.model.pending.filter(row => !before.has(row))
      this.model.undo(of === 'all' ? inside : inside.filter(({ on }) => on === of))
      throw error
    }
  }

  #hook({ when, how, on }: Extract<Move, { do: 'hook' }>): void {
    const hook = async () => {
      if (how === 'throw') throw new Thrown('of a hook')
      if (how === 'doom') this.#doom()
      if (how !== 'write') return
      const target = when === 'before' ? 'pending' : 'next'
      await this.#write(on, row => this.model[target].push(row))
    }
    if (when === 'before') this.#db.beforeCommit(hook)
    else if (when === 'after') this.#db.afterCommit(hook)
    else this.#db.afterRollback(hook)
  }

  #doom(): void {
    this.#db.doom(new Thrown('doomed'))
    this.#isDoomed = true
  }

  async #commit(and: Extract<Move, { do: 'commit' }>['and'], on: Name): Promise<void> {
    const pid = this.#db.status[on] === 'ended' ? null : this.#pidOf(on)
    const wasDoomed = this.#isDoomed
    const committing = this.#said(() => this.#db.commit().then(() => this.model.wasCommitted()))
    const beside = this.#beside(and, on, pid)
    const said = await committing
    await beside
    if (said === 'ok' && wasDoomed) this.faults.push('what was doomed was committed')
    if (said === 'ok') return
    // What a hook of the application threw came out as it is: everything is rolled back.
    if (said instanceof EnginelightError) this.model.commitFailed(said)
    else this.model.wasRolledBack()
  }

  async #beside(and: Extract<Move, { do: 'commit' }>['and'], on: Name, pid: number | null): Promise<void> {
    switch (and) {
      case 'nothing':
        return
      case 'commit': {
        const said = await this.#said(() => this.#db.commit())
        if (said === 'ok') this.faults.push('two commits at once, and neither was refused')
        return
      }
      case 'write':
        await this.#said(() => this.#write(on, ({ id }) => this.model.doubtful.add(id)))
        return
      case 'kill':
        if (pid !== null) await this.#terminate(on, pid)
        return
      case 'end':
        return this.#db.end()
      default:
        and satisfies never
    }
  }

  #pidOf(on: Name): number | null {
    try {
      return this.#db[on].identity?.backendPid ?? null
    } catch {
      return null
    }
  }

  async #terminate(on: Name, pid: number): Promise<void> {
    const { admin } = on === 'three' ? this.#world.books : this.#world.shop
    await admin('select pg_terminate_backend($1)', [pid])
  }

  async #kill(on: Name, isNoticed: boolean): Promise<void> {
    const pid = this.#pidOf(on)
    if (pid === null) return
    await this.#terminate(on, pid)
    if (!isNoticed) return
    const until = performance.now() + 2_000
    while (this.#pidOf(on) === pid && performance.now() < until) await sleep(1)
  }

  async #commitSession(on: Name): Promise<void> {
    const said = await this.#said(() => this.#db[on].commit())
    if (said === 'ok') return this.model.sessionCommitted(on)
    const code = codeOf(said)
    if (code === 'EL_COMMIT_UNKNOWN') this.model.sessionUnknown(on)
    else if (code !== 'EL_ILLEGAL_MOVE' && code !== 'EL_CONNECTION_LOST') this.model.sessionRolledBack(on)
  }

  async #rollback(): Promise<void> {
    const said = await this.#said(() => this.#db.rollback())
    if (said !== 'ok') return
    this.#isDoomed = false
    this.model.wasRolledBack()
  }

  async #end(): Promise<void> {
    await this.#db.end()
    this.model.pending = []
    this.model.next = []
  }
}
