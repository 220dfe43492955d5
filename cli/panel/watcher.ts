import type { Row } from '../../instrumentation/model/codec.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import type { Hello, ServerMessage, ServerTruth, Stat } from '../../instrumentation/model/protocol.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import { byUrgency } from '../../instrumentation/findings/index.ts'
import { apply } from '../../instrumentation/model/apply.ts'
import { emptyState, type PanelState } from '../../instrumentation/model/state.ts'

/** What is known of the process at one moment, as a page would know it. */
export interface Moment {
  readonly hello: Hello
  readonly state: PanelState
  /** On the process's clock. */
  readonly now: Time
  /** As the process told them, the worst first; null before it has. */
  readonly findings: readonly Finding[] | null
  readonly stat: Stat | null
  readonly truth: ServerTruth | null
}

/** Takes what the socket brings, and holds the state that follows from it. */
export class Watcher {
  hello: Hello | null = null
  stat: Stat | null = null
  truth: ServerTruth | null = null
  /** Whether all that the process had recorded when it said hello has come. */
  isComplete = false
  /** Whether the findings have been told, and with the servers' answers in them. */
  isJudged = false
  #hasFindings = false
  readonly #texts = new Map<number, string>()
  readonly #findings = new Map<string, Finding>()
  #state: PanelState = emptyState
  #rows: Row[] = []
  #received = -1
  #heardAt = 0

  receive(message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        this.hello = message
        this.#heardAt = performance.now() - message.now
        return
      case 'dict':
        for (const [id, text] of message.entries) this.#texts.set(id, text)
        return
      case 'snap':
        this.#state = emptyState
        this.#rows = message.rows
        return this.#arrived(message.seq)
      case 'ev':
        for (const row of message.rows) this.#rows.push(row)
        return this.#arrived(message.rows.at(-1)?.[0] ?? this.#received)
      case 'stat':
        // A finding follows on the gauges of its second: those of the second before are in.
        this.isJudged ||= this.#hasFindings && this.truth !== null && message.now > this.truth.now
        this.stat = message
        return
      case 'truth':
        this.truth = message
        return
      case 'findings':
        for (const key of message.over) this.#findings.delete(key)
        for (const finding of message.found) this.#findings.set(finding.key, finding)
        this.#hasFindings = true
        this.isJudged ||= this.truth !== null && message.now > this.truth.now
        return
      case 'gap':
      case 'bye':
        return
      default:
        message satisfies never
    }
  }

  /** As of now; null before the process has said hello. */
  moment(): Moment | null {
    const { hello, stat, truth } = this
    if (hello === null) return null
    const rows = this.#rows
    this.#rows = []
    this.#state = apply(this.#state, rows, id => this.#texts.get(id) ?? '…')
    const findings = this.#hasFindings ? [...this.#findings.values()].sort(byUrgency) : null
    return { hello, stat, truth, findings, state: this.#state, now: performance.now() - this.#heardAt }
  }

  #arrived(seq: number): void {
    this.#received = seq
    // A process of an older version does not say how many rows there are: what comes at once has to do.
    this.isComplete ||= seq >= (this.hello?.seq ?? 0)
  }
}
