import { channels } from '../channels/channels.ts'
import { errorFacts } from '../channels/errors.ts'
import { nextId } from '../identity/ids.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import type { CommitParticipant } from '../channels/commit-messages.ts'
import type { CommitOutcome } from '../channels/words.ts'
import type { CommitMode, CommitStep } from '../channels/words.ts'
import type { CommitReport } from '../channels/outcomes.ts'

/** Publishes what a commit does; builds no message without a subscriber. */
export class Telling {
  readonly #id = nextId('x')
  readonly #request: string
  readonly #capture: SiteCapture | null
  #started = false

  constructor(request: string, capture: SiteCapture | null) {
    this.#request = request
    this.#capture = capture
  }

  started(mode: CommitMode, transaction: string | null, participants: () => CommitParticipant[]): void {
    if (!channels.commit.hasSubscribers) return
    this.#started = true
    channels.commit.publish({
      phase: 'start',
      at: performance.now(),
      id: this.#id,
      request: this.#request,
      mode,
      transaction,
      participants: participants(),
      site: siteOf(this.#capture),
    })
  }

  /** Runs one step on one engine. The step resolves to the server's command tag. */
  step<T extends string | null | void>(engine: string, step: CommitStep, run: () => Promise<T>): Promise<T> {
    return this.#started ? this.#toldStep(engine, step, run) : run()
  }

  async #toldStep<T extends string | null | void>(
    engine: string,
    step: CommitStep,
    run: () => Promise<T>,
  ): Promise<T> {
    const id = this.#id
    const startedAt = performance.now()
    channels.commit.publish({ phase: 'step started', at: startedAt, id, engine, step })
    const ended = (command: string | null, failure?: unknown) => {
      const at = performance.now()
      const error = failure === undefined ? null : errorFacts(failure)
      channels.commit.publish({
        phase: 'step ended',
        at,
        id,
        engine,
        step,
        durationMs: at - startedAt,
        command,
        error,
      })
    }
    try {
      const command = await run()
      ended(typeof command === 'string' ? command : null)
      return command
    } catch (error) {
      ended(null, error ?? new Error('unknown'))
      throw error
    }
  }

  ended(outcome: CommitOutcome, report: CommitReport, failure?: unknown): void {
    if (!this.#started) return
    channels.commit.publish({
      phase: 'end',
      at: performance.now(),
      id: this.#id,
      outcome,
      engines: report.engines,
      durationMs: report.durationMs,
      error: failure === undefined ? null : errorFacts(failure),
    })
  }
}
