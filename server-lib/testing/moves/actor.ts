import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { TestDatabase } from '../database.ts'
import { Model, OK, REFUSED, type Effect } from './model.ts'
import type { InnerMove, Move } from './move.ts'
import type { World } from './world.ts'

/** How long any single move may take, with all that it may wait for. */
const MOVE_DEADLINE_MS = 12_000

/** One session that plays its moves, beside a model of what must come of them. */
export class Actor {
  readonly name: string
  readonly model: Model
  /** What was done and what came of it: printed when something else should have. */
  readonly log: string[] = []
  readonly #world: World
  readonly #database: TestDatabase
  readonly #abort = new AbortController()
  readonly #db
  readonly #session
  #written = 0
  /** The engine last written, which `db.any` must choose. */
  #last: 'main' | 'aside' = 'main'
  /** The first thing that was not as it must be: the library may swallow what is thrown inside of a savepoint. */
  #mismatch: Error | undefined
  #said: unknown
  readonly later: Promise<unknown>[] = []

  constructor(name: string, world: World, database: TestDatabase) {
    this.name = name
    this.#world = world
    this.#database = database
    this.model = new Model(world.setting)
    this.#db = world.engines.open({ label: name, signal: this.#abort.signal })
    this.#session = this.#db.main
  }

  /** Plays the moves, then ends. Throws at the first that does not come to what the model says. */
  async play(moves: readonly Move[]): Promise<void> {
    try {
      await this.#playAll(moves)
    } finally {
      // Where a move went wrong, the others are not kept waiting for what it holds.
      this.#abort.abort()
    }
  }

  async #playAll(moves: readonly Move[]): Promise<void> {
    const last: Move = { do: 'end', how: 'end', running: false }
    for (const move of [...moves, last]) {
      this.log.push(JSON.stringify(move))
      await this.#within(move)
      if (this.#mismatch) throw this.#mismatch
      const { state } = this.#session
      if (state !== this.model.state)
        throw this.#wrong(`the session is ${state}, and must be ${this.model.state}`)
      const holds = state === 'active' || state === 'failed'
      if (holds !== (this.#session.identity !== undefined)) throw this.#wrong(`identity in state ${state}`)
    }
  }

  async #within(move: Move): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.#wrong(`no end after ${MOVE_DEADLINE_MS} ms`)), MOVE_DEADLINE_MS)
    })
    await Promise.race([this.#play(move), late]).finally(() => clearTimeout(timer))
  }

  /** `ok`, or the code of the error, or its message where it has none. */
  async #outcome(run: () => PromiseLike<unknown>): Promise<string> {
    try {
      await run()
      return OK
    } catch (error) {
      this.#said = error
      return String((error as { code?: unknown }).code ?? (error as Error).message)
    }
  }

  #wrong(what: string): Error {
    const log = this.log.join('\n  ')
    this.#mismatch ??= new Error(
      `${this.name}: ${what}, after\n  ${log}\n  last error: ${inspect(this.#said)}`,
    )
    return this.#mismatch
  }

  // ------------------------------------------------------------------------------------- the moves

  async #play(move: Move): Promise<unknown> {
    const session = this.#session
    switch (move.do) {
      case 'parallel':
        return this.#parallel(move.statements, move.via)
      case 'break':
        return this.#breakOff(move.rows, move.from)
      case 'destroy':
        return this.#destroy(move.afterMs)
      case 'fail in stream':
        return this.#statement({ kind: 'fail', code: '22012' }, () =>
          readAll(session.stream('select 1 / (g - 3) from generate_series(1, 5) g')),
        )
      case 'commit':
        return this.#commit(move.behindItsBack)
      case 'stray savepoint':
        return this.#straySavepoint()
      case 'rollback':
        return this.#control(this.model.rollback(), () => session.rollback())
      case 'release':
        return this.#control(this.model.rollback(), () => session.release())
      case 'roll back the container':
        return this.#control(this.model.rollback(), () => this.#db.rollback())
      case 'send':
        return this.#statement({ kind: 'text', text: move.text }, () => session.query(move.text))
      case 'doom':
        return this.#statement({ kind: 'doom', how: move.how }, () =>
          session.query('insert into doomed values ($1)', [move.how]),
        )
      case 'kill':
        return move.how === 'running'
          ? this.#statement({ kind: 'die' }, () =>
              session.query('select pg_terminate_backend(pg_backend_pid())'),
            )
          : this.#killIdle()
      case 'end':
        return this.#end(move.how, move.running)
      case 'any':
        return this.#any()
      case 'misuse':
        return this.#control('EL_CONFIG', () => session.query(1 as never))
      case 'reinit':
        return this.#reinit()
      case 'write aside':
        return this.#writeAside()
      case 'pause':
        return void (await sleep(move.ms))
      default:
        return this.#playInner(move)
    }
  }

  async #playInner(move: InnerMove): Promise<unknown> {
    const session = this.#session
    switch (move.do) {
      case 'select':
        return this.#select(move.via)
      case 'insert':
        return this.#insert(move.via)
      case 'update':
        return this.#statement({ kind: 'touch' }, () =>
          move.via === 'builder'
            ? session('marks').where({ owner: this.name }).increment('touched')
            : session.query('update marks set touched = touched + 1 where owner = $1', [this.name]),
        )
      case 'fail':
        return this.#statement({ kind: 'fail', code: CODES[move.how] }, () =>
          this.#failing(move.how, move.via),
        )
      case 'savepoint':
        return this.#savepoint(move.inner, move.end)
      case 'knex transaction':
        return this.#knexTransaction(move.writes, move.end)
      default:
        throw move satisfies never
    }
  }

  /** Runs a statement and holds its outcome against what the model expects of it. */
  async #statement(effect: Effect, run: () => PromiseLike<unknown>): Promise<string> {
    // Others run at the same time within the session only in #parallel, which asks by itself.
    const expected = this.model.expected(effect)
    const code = await this.#outcome(run)
    this.#settle(effect, expected, code)
    return code
  }

  #settle(effect: Effect, expected: readonly string[], code: string): void {
    this.log.push(`    ${effect.kind}: ${code}`)
    if (!expected.includes(code))
      throw this.#wrong(`${effect.kind} came to ${code}, and must come to ${expected.join(' or ')}`)
    this.model.statement(effect, code, this.#session.state)
    if (code === OK && (effect.kind === 'write' || effect.kind === 'touch' || effect.kind === 'doom'))
      this.#last = 'main'
  }

  async #control(expected: string, run: () => PromiseLike<unknown>): Promise<void> {
    const code = await this.#outcome(run)
    this.log.push(`    ${code}`)
    if (code !== expected) throw this.#wrong(`it came to ${code}, and must come to ${expected}`)
  }

  async #select(via: Extract<InnerMove, { do: 'select' }>['via']): Promise<void> {
    const session = this.#session
    const canary = this.model.state === 'idle' && !this.model.isAutocommit
    let rows: { id: string }[] = []
    const read = async () => {
      const owner = this.name
      const text = 'select id from marks where owner = $1'
      if (via === 'builder') rows = await session('marks').select('id').where({ owner })
      else if (via === 'knex') rows = await session.knex('marks').select('id').where({ owner })
      else if (via === 'query') rows = (await session.query(text, [owner])).rows as typeof rows
      else if (via === 'raw') rows = (await session.raw(text.replace('$1', '?'), [owner])).rows
      else rows = (await readAll(session.stream(text, [owner]))) as typeof rows
    }
    const code = await this.#statement({ kind: 'read' }, read)
    if (code === OK) this.#compare(new Set(rows.map(row => row.id)))
    if (canary && this.model.state === 'active') await this.#canary()
  }

  /** Nothing of whoever had the connection before may be seen at its next one's first statements. */
  async #canary(): Promise<void> {
    const { rows } = await this.#session.query(CANARY)
    const found = JSON.stringify(rows[0])
    if (found !== CLEAN) throw this.#wrong(`the connection was not clean: ${found}`)
    await this.#session.query(`select set_config('enginelight.holder', $1, true)`, [this.name])
  }

  #compare(seen: ReadonlySet<string>): void {
    const { must, may } = this.model.visible
    const missing = [...must].filter(id => !seen.has(id))
    const surplus = [...seen].filter(id => !must.has(id) && !may.has(id))
    if (missing.length + surplus.length === 0) return
    throw this.#wrong(`rows are missing: [${missing}], or are there and must not: [${surplus}]`)
  }

  #insert(via: Extract<InnerMove, { do: 'insert' }>['via']): Promise<unknown> {
    const id = this.#nextId()
    return this.#statement({ kind: 'write', id }, () => this.#write(id, via))
  }

  #nextId(): string {
    return `${this.name}/${++this.#written}`
  }

  #write(id: string, via: Extract<InnerMove, { do: 'insert' }>['via']): PromiseLike<unknown> {
    const session = this.#session
    const row = { id, owner: this.name }
    if (via === 'builder') return session('marks').insert(row)
    if (via === 'knex') return session.knex('marks').insert(row)
    if (via === 'raw') return session.raw('insert into marks (id, owner) values (?, ?)', [id, this.name])
    return session.query('insert into marks (id, owner) values ($1, $2)', [id, this.name])
  }

  #failing(how: keyof typeof CODES, via: 'builder' | 'query'): PromiseLike<unknown> {
    const session = this.#session
    if (how === 'syntax') return via === 'query' ? session.query('selec 1') : session.raw('selec 1')
    if (how === 'divide') return via === 'query' ? session.query('select 1 / 0') : session.raw('select 1 / 0')
    const taken = { id: 'taken', owner: this.name }
    return via === 'query'
      ? session.query('insert into marks (id, owner) values ($1, $2)', [taken.id, taken.owner])
      : session('marks').insert(taken)
  }

  /** All in one way: a builder comes a few microtasks later to the queue than a text. */
  async #parallel(
    statements: Extract<Move, { do: 'parallel' }>['statements'],
    via: 'builder' | 'query',
  ): Promise<void> {
    const session = this.#session
    const select = () => (via === 'builder' ? session('marks').first() : session.query('select 1'))
    const asked = statements.map((what): { effect: Effect; code: Promise<string> } => {
      if (what === 'insert') {
        const id = this.#nextId()
        return { effect: { kind: 'write', id }, code: this.#outcome(() => this.#write(id, via)) }
      }
      if (what === 'select') return { effect: { kind: 'read' }, code: this.#outcome(select) }
      return {
        effect: { kind: 'fail', code: CODES[what] },
        code: this.#outcome(() => this.#failing(what, via)),
      }
    })
    // In the order of asking, which is that of the session's queue.
    for (const { effect, code } of asked) {
      const ended = await code
      this.#settle(effect, this.model.expected(effect), ended)
    }
  }

  async #breakOff(rows: number, from: 'text' | 'builder'): Promise<void> {
    const text = 'select g from generate_series(1, 500) g'
    const breakOff = async () => {
      let read = 0
      const stream =
        from === 'text' ? this.#session.stream(text) : this.#session.stream(this.#session.raw(text))
      for await (const _row of stream) if (read++ >= rows) break
    }
    await this.#statement({ kind: 'read' }, breakOff)
    await this.#barrier()
  }

  async #destroy(afterMs: number | null): Promise<void> {
    const stream = this.#session.stream('select g from generate_series(1, 500) g')
    const closed = new Promise<void>(resolve => void stream.on('close', resolve))
    stream.on('error', () => {})
    if (afterMs !== null) await sleep(afterMs)
    stream.destroy()
    await closed
    await this.#barrier()
  }

  /** A stream that is given up may have begun a transaction or not: after a statement that is certain. */
  async #barrier(): Promise<void> {
    await this.#statement({ kind: 'read' }, () => this.#session.query('select 1'))
  }

  async #commit(behindItsBack: boolean): Promise<void> {
    const driver = behindItsBack ? this.#world.driverOf(this.#session.identity?.backendPid) : undefined
    await driver?.query('select 1 / 0').catch(() => {})
    const expected = driver ? this.model.commitFailedBehind() : this.model.commit()
    await this.#control(expected, () => this.#session.commit())
  }

  // ---------------------------------------------------------------------------------- savepoints

  /** What a savepoint left running opens one of its own while another is open: it must wait for that, not be inside of it. */
  async #straySavepoint(): Promise<void> {
    if (this.model.state !== 'active' || this.#world.setting.access === 'read') return
    const session = this.#session
    const [kept, undone] = [this.#nextId(), this.#nextId()]
    let enter = () => {}
    const entered = new Promise<void>(resolve => void (enter = resolve))
    const stray = await session.savepoint(() => ({
      savepoint: entered.then(() => session.savepoint(() => this.#write(kept, 'query'))),
    }))
    const other = this.#outcome(() =>
      session.savepoint(async () => {
        enter()
        await this.#write(undone, 'query')
        await sleep(3)
        throw new Error('thrown inside')
      }),
    )
    const codes = [await this.#outcome(() => stray.savepoint), await other]
    if (codes.join() !== `${OK},thrown inside`) throw this.#wrong(`savepoints came to ${codes}`)
    this.#settle({ kind: 'write', id: kept }, [OK], OK)
  }

  async #savepoint(inner: readonly InnerMove[], end: 'keep' | 'throw'): Promise<void> {
    const { model } = this
    if (model.isAutocommit) return this.#control('EL_ILLEGAL_MOVE', () => this.#session.savepoint(() => {}))
    const opening = model.expected({ kind: 'read' })
    let entered = false
    let undo = () => {}
    const code = await this.#outcome(() =>
      this.#session.savepoint(async () => {
        entered = true
        model.statement({ kind: 'read' }, OK, 'active')
        undo = model.mark()
        for (const move of inner) {
          this.log.push(`    ${JSON.stringify(move)}`)
          await this.#playInner(move)
        }
        if (end === 'throw') throw new Error('thrown inside')
      }),
    )
    if (this.#mismatch) throw this.#mismatch
    this.log.push(`    savepoint: ${code}`)
    if (!entered) {
      if (!opening.includes(code) || code === OK)
        throw this.#wrong(`a savepoint came to ${code}, and must come to ${opening}`)
      if (code !== 'EL_ILLEGAL_MOVE') model.statement({ kind: 'read' }, code, this.#session.state)
      return
    }
    const expected =
      end === 'throw' ? 'thrown inside' : model.state === 'failed' ? 'EL_TRANSACTION_FAILED' : OK
    if (code !== expected) throw this.#wrong(`a savepoint came to ${code}, and must come to ${expected}`)
    if (code !== OK) undo()
  }

  async #knexTransaction(writes: number, end: 'keep' | 'throw'): Promise<void> {
    const { model } = this
    const opening = model.isAutocommit ? ['EL_ILLEGAL_MOVE'] : model.expected({ kind: 'read' })
    const undo = model.mark()
    const ids = Array.from({ length: writes }, () => this.#nextId())
    const code = await this.#outcome(() =>
      this.#session.knex.transaction(async trx => {
        for (const id of ids) await trx('marks').insert({ id, owner: this.name })
        if (end === 'throw') throw new Error('thrown inside')
      }),
    )
    this.log.push(`    knex transaction: ${code}`)
    const isLost = code === 'EL_CONNECTION_LOST' && this.#world.setting.impatient
    if (!opening.includes(OK) || code === 'EL_CHECKOUT_TIMEOUT' || code === 'EL_CHECKOUT_FAILED' || isLost) {
      if (!opening.includes(code))
        throw this.#wrong(`knex.transaction() came to ${code}, and must come to ${opening}`)
      if (code !== 'EL_ILLEGAL_MOVE') model.statement({ kind: 'read' }, code, this.#session.state)
      return
    }
    model.statement({ kind: 'read' }, OK, 'active')
    const isReading = this.#world.setting.access === 'read' && writes > 0
    // Written, whatever becomes of it.
    if (writes > 0 && !isReading) this.#last = 'main'
    const expected = isReading ? '25006' : end === 'throw' ? 'thrown inside' : OK
    if (code !== expected)
      throw this.#wrong(`knex.transaction() came to ${code}, and must come to ${expected}`)
    if (code !== OK) return undo()
    for (const id of ids) this.#settle({ kind: 'write', id }, [OK], OK)
  }

  // ------------------------------------------------------------------------------------ what strikes

  async #killIdle(): Promise<void> {
    const pid = this.#session.identity?.backendPid
    if (pid === undefined || pid === null) return
    await this.#database.admin('select pg_terminate_backend($1)', [pid])
    const until = performance.now() + 5_000
    while (this.#session.state !== 'lost' && performance.now() < until) await sleep(1)
    this.model.lost()
  }

  async #end(how: 'end' | 'dispose' | 'abort', running: boolean): Promise<void> {
    const { model } = this
    const id = this.#nextId()
    const effect: Effect = { kind: 'write', id }
    const expected = [...model.expected(effect), 'EL_ENDED']
    const statement = running
      ? this.#outcome(() =>
          this.#session.query('insert into marks (id, owner) select $1, $2 from pg_sleep(0.02)', [
            id,
            this.name,
          ]),
        )
      : undefined
    if (running && how === 'abort' && model.isAutocommit) await this.#held()
    // What is cancelled must not be used by anybody after: the cancel may come late.
    const cancelled = running && how === 'abort' ? this.#session.identity?.backendPid : undefined
    if (how === 'abort') this.#abort.abort(new Error('the client has left'))
    if (how === 'dispose') await this.#session[Symbol.asyncDispose]()
    await this.#db.end()
    if (statement) {
      const code = await statement
      this.log.push(`    running: ${code}`)
      if (!expected.includes(code))
        throw this.#wrong(`it came to ${code}, and must come to ${expected.join(' or ')}`)
      if (code === OK) this.#last = 'main'
      if (code === OK) this.#last = 'main'
      if (model.isAutocommit && model.state !== 'ended') {
        if (code === OK) model.committed.add(id)
        else if (code === 'EL_ENDED') model.unknown.add(id)
      }
    }
    model.end()
    if (cancelled) await this.#expectGone(cancelled)
  }

  /** Waits until a connection is held, or will not be so soon. */
  async #held(): Promise<void> {
    for (let turn = 0; turn < 20 && !this.#session.identity; turn++) await sleep(1)
  }

  async #expectGone(pid: number): Promise<void> {
    const until = performance.now() + 5_000
    while ((await this.#database.backends()).some(one => one.pid === pid)) {
      if (performance.now() > until) throw this.#wrong(`backend ${pid} lives on, though it was sent a cancel`)
      await sleep(2)
    }
  }

  #any(): void {
    const chosen = this.#db.any
    const expected = this.#last === 'main' ? this.#session : this.#db.aside
    if (chosen !== (expected as unknown)) throw this.#wrong(`db.any is not ${this.#last}`)
  }

  async #reinit(): Promise<void> {
    const { engines, setting } = this.#world
    if (setting.source !== 'connection') return this.#control('EL_NOT_OWNED', () => engines.reinit('main'))
    // The old pool is drained when its last holder is done: that may be ourselves.
    this.later.push(engines.reinit('main'))
  }

  async #writeAside(): Promise<void> {
    if (this.model.state === 'ended') return
    const id = this.#nextId()
    const code = await this.#outcome(() => this.#db.aside('marks').insert({ id, owner: this.name }))
    if (code !== OK) throw this.#wrong(`the write aside came to ${code}`)
    this.model.committed.add(id)
    this.#last = 'aside'
  }
}

const CODES = { unique: '23505', syntax: '42601', divide: '22012', refused: REFUSED } as const

const CANARY = `select
  nullif(current_setting('enginelight.holder', true), '') as holder,
  pg_current_xact_id_if_assigned()::text as xid,
  (select count(*)::int from pg_class where relnamespace = pg_my_temp_schema()) as temporary,
  (select count(*)::int from pg_cursors where name <> '' ) as cursors,
  (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as advisory`
const CLEAN = JSON.stringify({ holder: null, xid: null, temporary: 0, cursors: 0, advisory: 0 })

async function readAll(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const row of stream) rows.push(row)
  return rows
}
