import { setTimeout as sleep } from 'node:timers/promises'
import { outcomeOf, OUTCOME_GLYPH } from '../../instrumentation/findings/outcome.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import { clockTime, count, duration } from '../../instrumentation/model/format.ts'
import type { ServerMessage } from '../../instrumentation/model/protocol.ts'
import type { Request } from '../../instrumentation/model/state.ts'
import type { PanelAddress } from './address.ts'
import { openLink } from './link.ts'
import { NoPanelError } from './no-panel.ts'
import { findingBlocks, findingJson, isoOf } from './report.ts'
import { text, type Block } from './screen.ts'
import { Watcher, type Moment } from './watcher.ts'

/** One thing that has happened: for programs, and for a reader. */
export interface News {
  readonly json: object
  readonly blocks: readonly Block[]
}

const RETRY_MS = 500

/**
 * Tells each request that ends and each finding, from now on. A process that goes away is waited for. Never resolves, and
 * rejects where the first attempt fails. `address` is asked for at each attempt.
 */
export async function tail(address: () => Promise<PanelAddress>, tell: (news: News) => void): Promise<never> {
  let hasBeenThere = false
  let isTold = false
  for (;;) {
    const reader = new Reader(tell)
    try {
      const link = await openLink(await address(), false, message => reader.receive(message))
      hasBeenThere = true
      isTold = false
      await link.closed
    } catch (error) {
      if (!(error instanceof NoPanelError) || !hasBeenThere) throw error
      if (!isTold)
        tell({
          json: { type: 'away', reason: error.message },
          blocks: [text(`${error.message} Waiting for it.`, 'dim')],
        })
      isTold = true
      await sleep(RETRY_MS)
    }
  }
}

/** One socket's rows as news. What was over when it was opened is none. */
class Reader {
  readonly #watcher = new Watcher()
  readonly #tell: (news: News) => void
  readonly #ended = new Set<string>()
  readonly #findings = new Map<string, number>()
  #isFirst = true

  constructor(tell: (news: News) => void) {
    this.#tell = tell
  }

  receive(message: ServerMessage): void {
    this.#watcher.receive(message)
    if (message.type === 'hello') return this.#hello()
    if (message.type === 'findings') return this.#judged()
    if ((message.type === 'ev' || message.type === 'snap') && this.#watcher.isComplete) this.#requests()
  }

  #hello(): void {
    const moment = this.#watcher.moment()!
    const { application, pid, boot } = moment.hello
    this.#tell({
      json: { type: 'process', application, pid, boot, at: isoOf(moment, moment.now) },
      blocks: [text(`${application}, pid ${pid}`, 'dim')],
    })
  }

  #requests(): void {
    const moment = this.#watcher.moment()!
    const { requests } = moment.state
    for (const request of requests.values()) {
      if (request.endedAt === null || this.#ended.has(request.id)) continue
      this.#ended.add(request.id)
      if (!this.#isFirst) this.#tell(requestNews(moment, request))
    }
    // Of those that are forgotten no row comes any more.
    for (const id of this.#ended) if (!requests.has(id)) this.#ended.delete(id)
    this.#isFirst = false
  }

  #judged(): void {
    const moment = this.#watcher.moment()!
    for (const finding of moment.findings ?? []) {
      const before = this.#findings.get(finding.key) ?? 0
      this.#findings.set(finding.key, finding.count)
      // What was over before we looked is no news.
      const isNews = finding.count > before && (!finding.isOver || finding.lastSeen >= moment.hello.now)
      if (isNews) this.#tell(findingNews(moment, finding))
    }
  }
}

function requestNews(moment: Moment, request: Request): News {
  const { id, kind, label, status, statements, omitted } = request
  const endedAt = request.endedAt ?? moment.now
  const outcome = outcomeOf(request, endedAt)
  const tookMs = endedAt - request.startedAt
  const sent = statements.length + omitted
  const isBad = outcome === 'failed' || (status ?? 0) >= 500
  return {
    json: {
      type: 'request',
      id,
      kind,
      label,
      status,
      outcome,
      tookMs,
      statements: sent,
      at: isoOf(moment, endedAt),
    },
    blocks: [
      text(
        [
          clockTime(moment.hello.timeOrigin + endedAt, true),
          OUTCOME_GLYPH[outcome],
          ...(status === null ? [] : [String(status)]),
          `${label} ${id}, ${duration(tookMs)}, ${count(sent, 'statement')}`,
        ].join(' '),
        isBad ? 'bad' : 'plain',
      ),
    ],
  }
}

const findingNews = (moment: Moment, finding: Finding): News => ({
  json: { type: 'finding', ...findingJson(moment, finding) },
  blocks: findingBlocks(moment, finding),
})
