import type { SessionState } from '../../channels/words.ts'
import type { Setting } from './move.ts'

/** What a statement does, as far as the life of a session is concerned. */
export type Effect =
  | { kind: 'read' }
  | { kind: 'write'; id: string }
  | { kind: 'touch' }
  | { kind: 'fail'; code: string }
  | { kind: 'die' }
  | { kind: 'doom'; how: 'kill' | 'refuse' }
  | { kind: 'text'; text: 'BEGIN' | 'COMMIT' | 'ROLLBACK' }

export const OK = 'ok'
/** What the trigger raises that refuses a COMMIT. */
export const REFUSED = 'P0001'

/**
 * What a session must be and say after each move, kept beside the real one. It knows nothing of how the session works:
 * only what PostgreSQL does with a transaction and what the session promises about it.
 */
export class Model {
  state: SessionState = 'idle'
  /** Written and neither committed nor rolled back, in order. */
  pending: string[] = []
  readonly committed = new Set<string>()
  /** Killed during COMMIT: either is right. */
  readonly unknown = new Set<string>()
  /** What the transaction will come to at its COMMIT, whoever sends it. */
  #doom: 'kill' | 'refuse' | undefined
  /** A COMMIT sent as text has failed: no transaction is open, though the session still says `failed`. */
  #isOver = false
  readonly #setting: Setting

  constructor(setting: Setting) {
    this.#setting = setting
  }

  get isAutocommit(): boolean {
    return this.#setting.mode === 'autocommit'
  }

  /** Every code that a statement may now end with, `ok` among them. */
  expected(effect: Effect): string[] {
    const { state } = this
    if (state === 'ended') return ['EL_ENDED']
    if (state === 'lost') return ['EL_CONNECTION_LOST']
    if (state === 'failed' && !this.#isOver) return [this.#inFailed(effect)]
    const codes = [this.#fresh(effect)]
    // The time for a check-out is also that for BEGIN, whose connection is given up when it does not come.
    if (this.#setting.impatient && this.#needsConnection)
      codes.push('EL_CHECKOUT_TIMEOUT', 'EL_CHECKOUT_FAILED', 'EL_CONNECTION_LOST')
    return codes
  }

  get #needsConnection(): boolean {
    return this.state === 'idle' || this.#isOver
  }

  #inFailed(effect: Effect): string {
    // What cannot even be read is told of before the state of the transaction is looked at.
    if (effect.kind === 'fail' && effect.code === '42601') return '42601'
    if (effect.kind === 'text' && effect.text !== 'BEGIN') return OK
    return 'EL_TRANSACTION_FAILED'
  }

  #fresh(effect: Effect): string {
    const isReading = this.#setting.access === 'read'
    switch (effect.kind) {
      case 'fail':
        return isReading && effect.code === '23505' ? '25006' : effect.code
      case 'die':
        return 'EL_CONNECTION_LOST'
      case 'write':
      case 'touch':
        return isReading ? '25006' : OK
      case 'doom':
        if (isReading) return '25006'
        if (!this.isAutocommit) return OK
        return effect.how === 'kill' ? 'EL_CONNECTION_LOST' : REFUSED
      case 'text':
        if (effect.text !== 'COMMIT' || !this.#doom) return OK
        return this.#doom === 'kill' ? 'EL_CONNECTION_LOST' : REFUSED
      case 'read':
        return OK
      default:
        throw effect satisfies never
    }
  }

  /** A statement has ended, with one of the codes that were expected. */
  statement(effect: Effect, code: string, state: SessionState): void {
    const isBeginLost = code === 'EL_CONNECTION_LOST' && this.#setting.impatient && state === 'idle'
    if (code === 'EL_CHECKOUT_TIMEOUT' || code === 'EL_CHECKOUT_FAILED' || isBeginLost) {
      // No transaction was open; that of a failed COMMIT is forgotten.
      if (this.#isOver) this.#rolledBack('idle')
      return
    }
    if (this.state === 'ended' || this.state === 'lost') return
    if (this.isAutocommit) {
      if (code === OK && effect.kind === 'write') this.committed.add(effect.id)
      return
    }
    if (this.#needsConnection) {
      this.#rolledBack('active')
    }
    if (code === OK) return this.#done(effect)
    if (code === 'EL_CONNECTION_LOST') {
      if (effect.kind === 'text') this.#commitUnknown()
      return this.#rolledBack('lost')
    }
    if (effect.kind === 'text' && effect.text === 'COMMIT') {
      this.#rolledBack('failed')
      this.#isOver = true
      return
    }
    this.state = 'failed'
  }

  #done(effect: Effect): void {
    if (effect.kind === 'write') this.pending.push(effect.id)
    // Deferred triggers fire in the order of their rows: the first decides.
    if (effect.kind === 'doom') this.#doom ??= effect.how
    if (effect.kind !== 'text' || effect.text === 'BEGIN') return
    if (effect.text === 'COMMIT' && this.state === 'active') this.#commitPending()
    this.#rolledBack('idle')
  }

  /** The code that `commit()` ends with; applied. */
  commit(): string {
    switch (this.state) {
      case 'ended':
        return 'EL_ENDED'
      case 'lost':
        return 'EL_CONNECTION_LOST'
      case 'idle':
        return OK
      case 'failed':
        this.#rolledBack('idle')
        return 'EL_COMMIT_ROLLED_BACK'
      case 'active':
        if (this.#doom === 'kill') {
          this.#commitUnknown()
          this.#rolledBack('lost')
          return 'EL_COMMIT_UNKNOWN'
        }
        if (this.#doom === 'refuse') {
          this.#rolledBack('idle')
          return 'EL_COMMIT_FAILED'
        }
        this.#commitPending()
        this.#rolledBack('idle')
        return OK
      case 'prepared':
        throw new Error('nothing here prepares')
      default:
        throw this.state satisfies never
    }
  }

  /** The code that `rollback()` and `release()` end with; applied. */
  rollback(): string {
    if (this.state === 'ended') return 'EL_ENDED'
    this.#rolledBack('idle')
    return OK
  }

  /** Something has failed on the connection of which the session was not told: nothing can be committed. */
  commitFailedBehind(): string {
    this.state = 'failed'
    return this.commit()
  }

  /** The backend was killed while the session held it. */
  lost(): void {
    this.#rolledBack('lost')
  }

  end(): void {
    this.#rolledBack('ended')
  }

  /** Where a savepoint would bring the session back to. */
  mark(): () => void {
    const kept = [...this.pending]
    return () => {
      this.pending = kept
      this.state = 'active'
    }
  }

  /** The rows that the session must see, and those that it may. */
  get visible(): { must: ReadonlySet<string>; may: ReadonlySet<string> } {
    return { must: new Set([...this.committed, ...this.pending]), may: this.unknown }
  }

  #commitPending(): void {
    for (const id of this.pending) this.committed.add(id)
  }

  #commitUnknown(): void {
    for (const id of this.pending) this.unknown.add(id)
  }

  #rolledBack(state: SessionState): void {
    this.state = state
    this.pending = []
    this.#doom = undefined
    this.#isOver = false
  }
}
