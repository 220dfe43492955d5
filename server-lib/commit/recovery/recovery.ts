import { checkKnown } from '../../engines/open-options.ts'
import type { Engine } from '../../engines/engine.ts'
import { EnginelightError, warn } from '../../channels/errors.ts'
import { recoverOnce } from './recover-once.ts'
import type { RecoveryReport } from './recovery-report.ts'

export interface RecoveryOptions {
  /** How long after a pass the next one begins, in milliseconds. False: only when `runNow` is called. Default 30,000. */
  everyMs?: number | false
  /** Prepared transactions that are younger, in milliseconds, are left to their coordinator. Default 60,000. */
  olderThanMs?: number
  /** How long a decision is kept at least that its coordinator did not delete itself, in milliseconds. Default seven days. */
  keepDecisionsMs?: number
}

export interface Recovery {
  /** Begins no other pass. Resolves when the one that runs is over. */
  stop(): Promise<void>
  /** One pass, now or right after the one that runs. `dryRun` asks for each decision and carries none out. */
  runNow(options?: { dryRun?: boolean }): Promise<RecoveryReport>
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
  /** Those that were in doubt in the last pass: each is warned of once. */
  #known = new Set<string>()

  constructor(engines: () => ReadonlyMap<string, Engine>, options: RecoveryOptions = {}) {
    checkKnown('recovery()', options, ['everyMs', 'olderThanMs', 'keepDecisionsMs'])
    const { everyMs = 30_000, olderThanMs = 60_000, keepDecisionsMs = 7 * 24 * 3_600_000 } = options
    this.#engines = engines
    this.#everyMs = everyMs === false ? undefined : duration('everyMs', everyMs, 1)
    this.#olderThanMs = duration('olderThanMs', olderThanMs, 0)
    this.#keepDecisionsMs = duration('keepDecisionsMs', keepDecisionsMs, 0)
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

function duration(option: keyof RecoveryOptions, value: unknown, least: number): number {
  // setTimeout fires at once beyond 2^31 - 1.
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value < 2 ** 31) return value
  throw new EnginelightError(
    'EL_CONFIG',
    `Option ${option} of recovery must be a whole number of milliseconds from ${least} to 2147483647.`,
    { option },
  )
}
