import type { Engine } from '../engines/engine.ts'
import type { SiteCapture } from '../identity/site.ts'
import * as errors from './session-errors.ts'
import type { Ending } from './ending.ts'
import type { SessionLife } from './session-life.ts'
import type { SessionQueue } from './session-queue.ts'
import { after, type SessionMove } from './session-state.ts'
import type { UnitQueue } from './units/unit.ts'

/** What is used of the session whose transaction is ended. */
interface TurningSession extends errors.SessionFacts {
  readonly engine: Engine
  readonly isInTransaction: boolean
  readonly isEnding: boolean
  /** Why the calling code may not use the session any more; undefined where it may. */
  callRefused(): Error | undefined
  /** The error for a commit while a unit is open; undefined where none is. */
  readonly commitRefusal: Error | undefined
}

/** A session whose queue is held for the steps of a commit over many engines. */
export interface SessionSeat {
  readonly session: { readonly id: string; readonly engine: Engine; readonly isInTransaction: boolean }
  readonly life: SessionLife
  /** Lets the next turn run. */
  leave(): void
}

/** The turns that end a session's transaction. No statement of the session runs meanwhile. */
export class TransactionTurns {
  readonly #session: TurningSession
  readonly #life: SessionLife
  readonly #queue: SessionQueue
  /** Whether the running turn is a commit. */
  isCommitting = false

  constructor(session: TurningSession, life: SessionLife, queue: SessionQueue) {
    this.#session = session
    this.#life = life
    this.#queue = queue
  }

  commit(capture: SiteCapture | null): Promise<void> {
    const refusal = this.#session.commitRefusal
    if (refusal) return Promise.reject(refusal)
    return this.#turn('commit', () => this.#life.commit({ why: 'commit', capture }))
  }

  rollback(ending: Ending): Promise<void> {
    void this.#queue.breakOff(() => errors.unitsEnded(this.#session, 'rollback()'))
    return this.rollbackIn(this.#queue, ending)
  }

  rollbackIn(queue: UnitQueue, ending: Ending): Promise<void> {
    return this.#turn('rollback', () => this.#life.rollback('rollback', ending), queue)
  }

  release(ending: Ending): Promise<void> {
    void this.#queue.breakOff(() => errors.unitsEnded(this.#session, 'release()'))
    return this.#turn('release', () => this.#life.rollback('release', ending))
  }

  /**
   * Takes the session's queue when its turn comes, so that no statement of the application comes between the steps of a
   * commit. The session's end waits for it, as for a COMMIT. Rejects when the session ends before its turn.
   */
  enter(): SessionSeat | Promise<SessionSeat> {
    if (this.#session.isEnding) return Promise.reject(errors.sessionEnded(this.#session))
    // In an empty queue, as nearly always, the seat is there at once.
    let seat: SessionSeat | undefined
    let sit: ((seat: SessionSeat) => void) | undefined
    let refuse: ((error: Error) => void) | undefined
    this.#queue.push({
      refuse: error => refuse?.(error),
      start: done => {
        this.isCommitting = true
        const leave = () => {
          this.isCommitting = false
          done()
        }
        seat = { session: this.#session, life: this.#life, leave }
        sit?.(seat)
      },
    })
    return seat ?? new Promise<SessionSeat>((resolve, reject) => ([sit, refuse] = [resolve, reject]))
  }

  /** Waits for its turn in the session's queue and holds it until `work` is done. */
  #turn(move: SessionMove, work: () => Promise<void>, queue: UnitQueue = this.#queue): Promise<void> {
    const refused = this.#session.callRefused()
    if (refused) return Promise.reject(refused)
    return new Promise((resolve, reject) => {
      queue.push({
        refuse: reject,
        start: done => {
          if (!after(this.#life.state, move)) {
            reject(this.#life.refusal(move))
            return done()
          }
          const refusal = move === 'commit' ? this.#session.commitRefusal : undefined
          if (refusal) {
            reject(refusal)
            return done()
          }
          this.isCommitting = move === 'commit'
          const over = () => {
            this.isCommitting = false
            done()
          }
          work().then(
            () => {
              resolve()
              over()
            },
            (error: unknown) => {
              reject(error as Error)
              over()
            },
          )
        },
      })
    })
  }
}
