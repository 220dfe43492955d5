import type { Finding } from '../../model/finding.ts'
import { PROTOCOL_VERSION, type ClientMessage, type Hello, type ServerTruth } from '../../model/protocol.ts'
import { Judge, type Knowing } from '../judge/index.ts'
import type { Recorder } from '../recorder/index.ts'
import { askServers } from '../truth/index.ts'
import { encode } from './batch.ts'
import { Statistics } from './stat.ts'
import type { Viewer } from './viewer.ts'

const BATCH_MS = 25
const STAT_MS = 1_000
/** The servers are asked every other second, while a visible page wants to know, or a statement may wait for a lock. */
const TRUTH_EVERY = 2
/** A hidden page gets every fifth second's gauges. */
const HIDDEN_EVERY = 5
/** How long one turn may work on the state that is judged: the application waits meanwhile. */
const SLICE_MS = 4
/** A second that comes later than this comes before the row that tells of the stall, which is to blame for it. */
const LATE_MS = 100

/** Which process this is, in a page's greeting. */
export type Greeting = Pick<
  Hello,
  'version' | 'application' | 'applicationUrl' | 'pid' | 'thread' | 'node' | 'versions' | 'errorMessages'
>

/**
 * Serves the pages that watch. There is a timer for rows only while a page is visible, and no timer or text at all
 * without a page.
 */
export class Feed {
  readonly #recorder: Recorder
  readonly #greeting: Greeting
  readonly #everySecond: () => void
  readonly #viewers = new Set<Viewer>()
  #missedBefore = 0
  #costMs = 0
  #seconds = 0
  #statistics: Statistics | null = null
  #rowTimer: NodeJS.Timeout | null = null
  #statTimer: NodeJS.Timeout | null = null
  #isAsking = false
  readonly #judge: Judge
  #truth: ServerTruth | null = null
  #secondAt = 0

  /** `everySecond` is called once a second while a page watches. */
  constructor(recorder: Recorder, greeting: Greeting, everySecond: () => void, knowing?: Knowing) {
    this.#recorder = recorder
    this.#greeting = greeting
    this.#everySecond = everySecond
    this.#judge = new Judge(recorder.history, knowing)
  }

  /** What is wrong, and what was, until it is dismissed. May be asked at any time, with or without a page. */
  findings(): readonly Finding[] {
    return this.#judge.findings(this.#truth) ?? []
  }

  get size(): number {
    return this.#viewers.size
  }

  add(viewer: Viewer): void {
    this.#viewers.add(viewer)
    const { limits, boot } = this.#recorder
    viewer.send(
      encode({
        type: 'hello',
        protocol: PROTOCOL_VERSION,
        ...this.#greeting,
        boot,
        timeOrigin: performance.timeOrigin,
        now: performance.now(),
        seq: this.#recorder.history.ring.last,
        limits: {
          ringBytes: limits.ringBytes,
          requestsKept: limits.requestsKept,
          statementsPerRequest: limits.statementsPerRequest,
        },
      }),
    )
    this.#setTimers()
  }

  remove(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return
    this.#missedBefore += viewer.missed
    this.#setTimers()
  }

  receive(viewer: Viewer, message: ClientMessage): void {
    switch (message.type) {
      case 'auth':
        // It has already been admitted.
        return
      case 'sub':
        return this.#timed(() => viewer.subscribe(message))
      case 'vis':
        this.#timed(() => viewer.setVisible(message.visible))
        return this.#setTimers()
      case 'ack':
        return
      case 'watch':
        viewer.wantsTruth = message.truth
        return void this.#askServers()
      case 'dismiss':
        return this.#timed(() => this.#tell(this.#judge.dismiss(message.key), performance.now()))
      default:
        message satisfies never
    }
  }

  /** Says goodbye to all pages. */
  close(reason: string): void {
    for (const viewer of this.#viewers) {
      attempt(() => viewer.send(encode({ type: 'bye', reason, retryAfterMs: null })))
      attempt(() => viewer.close(1001, reason))
      this.remove(viewer)
    }
  }

  #setTimers(): void {
    let anyVisible = false
    for (const viewer of this.#viewers) anyVisible ||= viewer.isVisible
    if (anyVisible) this.#rowTimer ??= setInterval(() => this.#pump(), BATCH_MS).unref()
    else if (this.#rowTimer) {
      clearInterval(this.#rowTimer)
      this.#rowTimer = null
    }
    if (this.#viewers.size > 0) {
      this.#statistics ??= new Statistics(this.#recorder)
      if (this.#statTimer === null) {
        this.#secondAt = performance.now()
        this.#statTimer = setInterval(() => this.#second(), STAT_MS).unref()
      }
    } else if (this.#statTimer) {
      clearInterval(this.#statTimer)
      this.#statTimer = this.#statistics = this.#truth = null
    }
  }

  #pump(): void {
    this.#timed(() => {
      for (const viewer of this.#viewers) attempt(() => viewer.pump())
      this.#judge.keepUp(SLICE_MS)
    })
  }

  #second(): void {
    const now = performance.now()
    const isLate = now - this.#secondAt > STAT_MS + LATE_MS
    this.#secondAt = now
    attempt(this.#everySecond)
    if (this.#seconds % TRUTH_EVERY === 0) void this.#askServers()
    this.#timed(() => {
      if (this.#statistics === null) return
      if ([...this.#viewers].some(viewer => viewer.isVisible && viewer.wantsTruth))
        this.#statistics.askVersions()
      let missed = this.#missedBefore
      for (const viewer of this.#viewers) missed += viewer.missed
      const { dropped } = this.#judge
      const text = encode(this.#statistics.next(this.#viewers.size, missed, dropped, this.#costMs))
      this.#costMs = 0
      const isForHidden = this.#seconds++ % HIDDEN_EVERY === 0
      const findings = isLate ? null : this.#judged()
      for (const viewer of this.#viewers) {
        if (viewer.isVisible || isForHidden) {
          attempt(() => viewer.send(text))
          if (findings !== null) attempt(() => viewer.tell(findings, now))
        }
        // Hidden ones too: this is where a stuck page is detected.
        attempt(() => viewer.pump())
      }
    })
  }

  #tell(findings: readonly Finding[], now: number): void {
    for (const viewer of this.#viewers) if (viewer.isVisible) attempt(() => viewer.tell(findings, now))
  }

  /** What the pages are to be told; null if that is not known, or a rule fails: they get their gauges all the same. */
  #judged(): readonly Finding[] | null {
    try {
      return this.#judge.findings(this.#truth, SLICE_MS)
    } catch {
      return null
    }
  }

  /** One question at a time: a server that is slow to answer is not asked again meanwhile. */
  async #askServers(): Promise<void> {
    const { mayBeBlocked } = this.#judge
    const isWanted = () =>
      [...this.#viewers].some(viewer => viewer.isVisible && (viewer.wantsTruth || mayBeBlocked))
    // An answer that is not asked for again grows old.
    if (!isWanted()) this.#truth = null
    if (this.#isAsking || !isWanted()) return
    this.#isAsking = true
    try {
      const engines = await askServers()
      const truth: ServerTruth = { type: 'truth', now: performance.now(), engines }
      if (isWanted()) this.#truth = truth
      const text = encode(truth)
      for (const viewer of this.#viewers)
        if (viewer.isVisible && viewer.wantsTruth) attempt(() => viewer.send(text))
    } catch {
      // An engine that cannot report: the page shows how old its last answer is.
    } finally {
      this.#isAsking = false
    }
  }

  #timed(work: () => void): void {
    const before = performance.now()
    attempt(work)
    this.#costMs += performance.now() - before
  }
}

/** One page's failure must reach neither the others nor the application. */
function attempt(work: () => void): void {
  try {
    work()
  } catch {
    // The socket is closing, or a row could not be encoded: the page asks again when it reconnects.
  }
}
