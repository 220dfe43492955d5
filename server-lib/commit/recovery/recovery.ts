import { warn } from '../../channels/errors.ts'
import { checkOptions, milliseconds, orFalse, type Asker, type Needs } from '../../channels/options.ts'
import type { Engine } from '../../engines/engine.ts'
import { recoverOnce } from './recover-once.ts'
import type { RecoveryReport } from './recovery-report.ts'

export interface RecoveryOptions {
  /** The time between a pass and the next, in milliseconds. False: a pass only on `runNow`. Default 30,000. */
  everyMs?: number | false
  /** Prepared transactions younger than this, in milliseconds, are left to their coordinator. Default 60,000. */
  olderThanMs?: number
  /** How long to keep, at least, a decision that its coordinator did not delete, in milliseconds. Default seven days. */
  keepDecisionsMs?: number
}

export interface Recovery {
  /** Stops further passes. Resolves when the running one is over. */
  stop(): Promise<void>
  /** Runs one pass, now or right after the running one. `dryRun` asks for each decision but carries none out. */
  runNow(options?: { dryRun?: boolean }): Promise<RecoveryReport>
}

const NEEDS: Needs<RecoveryOptions> = {
  everyMs: orFalse(milliseconds()),
  olderThanMs: milliseconds(0),
  keepDecisionsMs: milliseconds(0),
}
const ASKER: Asker = {
  name: 'recovery()',
  wrong: (option, needs, given) => `Option ${option} of recovery must be ${needs}, not ${given}.`,
}

/** Passes of recovery, one after the other; the timer keeps no process alive. */
export class RecoveryLoop implements Recovery {
  readonly #engines: () => ReadonlyMap<string, Engine>
  readonly #everyMs: number | undefined
  readonly #olderThanMs: number
  readonly #keepDecisionsMs: number
  #timer: NodeJS.Timeout | undefined
  #running: Promise<unknown> = Promise.resolve()
  #stopped = false
  /** The transactions in doubt in the last pass: each gets one warning. */
  #known = new Set<string>()

  constructor(engines: () => ReadonlyMap<string, Engine>, options: RecoveryOptions = {}) {
    checkOptions(ASKER, options, NEEDS)
    const { everyMs = 30_000, olderThanMs = 60_000, keepDecisionsMs = 7 * 24 * 3_600_000 } = options
    this.#engines = engines
    this.#everyMs = everyMs || undefined
    this.#olderThanMs = olderThanMs
    this.#keepDecisionsMs = keepDecisionsMs
    this.#schedule(0)
  }

  #schedule(afterMs: number): void {
    if (this.#everyMs === undefined || this.#stopped) return
    this.#timer = setTimeout(() => void this.runNow().then(() => this.#schedule(this.#everyMs ?? 0)), afterMs)
    this.#timer.unref()
  }

  runNow({ dryRun = false }: { dryRun?: boolean } = {}): Promise<RecoveryReport> {
    const pass = this.#running.then(() => this.#pass(dryRun))
    this.#running = pass
    return pass
  }

  async #pass(dryRun: boolean): Promise<RecoveryReport> {
    const report = await recoverOnce(this.#engines(), {
      olderThanMs: this.#olderThanMs,
      keepDecisionsMs: this.#keepDecisionsMs,
      dryRun,
    })
    if (dryRun) return report
    const inDoubt = report.prepared.filter(({ outcome }) => outcome === 'in doubt')
    for (const { engine, gid, reason } of inDoubt) {
      if (this.#known.has(gid)) continue
      warn('EL_IN_DOUBT', `The prepared transaction ${gid} on engine "${engine}" is left alone: ${reason}.`)
    }
    this.#known = new Set(inDoubt.map(({ gid }) => gid))
    return report
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }
}
