import { observedEngines, type EngineReport, type Reporting } from '../../../server-lib/channels/index.ts'
import { id } from '../recorder/plain.ts'

const DEADLINE_MS = 1_000
/** A server that could not be asked without getting in the way is asked again after so many seconds. */
const AGAIN_AFTER = 10

/** The versions of the servers, each asked once, over a connection that its engine has to spare. */
export class ServerVersions {
  readonly #known = new Map<string, string>()
  #isAsking = false
  #seconds = 0

  /** Asks the servers that are not known yet. Called once a second while a page wants to know. */
  ask(): void {
    if (this.#seconds++ % AGAIN_AFTER > 0 || this.#isAsking) return
    this.#isAsking = true
    const asked = observedEngines().map(engine => this.#askOne(engine))
    void Promise.allSettled(asked).then(() => (this.#isAsking = false))
  }

  told(reports: readonly EngineReport[]): [engine: string, version: string | null][] {
    return reports.map(({ description }) => [
      id(description.engine),
      this.#known.get(description.pool) ?? null,
    ])
  }

  async #askOne(engine: Reporting): Promise<void> {
    const { pool, system } = engine.report().description
    if (this.#known.has(pool) || system !== 'postgresql') return
    const answer = await engine.ask?.('show server_version', [], DEADLINE_MS)
    if (answer === undefined || typeof answer === 'string') return
    const version = answer[0]?.['server_version']
    if (typeof version === 'string') this.#known.set(pool, id(version.slice(0, 60)))
  }
}
