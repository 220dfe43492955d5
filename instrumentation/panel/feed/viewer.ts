import type { Finding } from '../../model/finding.ts'
import { CLOSE, type Gap, type Snapshot, type Subscribe } from '../../model/protocol.ts'
import type { TextId } from '../../model/codec.ts'
import type { Recorder } from '../recorder/index.ts'
import { addToBatch, emptyBatch, encode, encodeEvents, encodeSnapshot } from './batch.ts'
import { PressureGauge } from './pressure.ts'

/** The part of a websocket that a viewer writes to. */
export interface ViewerSocket {
  readonly bufferedAmount: number
  send(text: string): void
  close(code: number, reason: string): void
  terminate(): void
}

const BATCH_CHARACTERS = 64 * 1024
/** How long one turn may build batches: the application waits meanwhile. */
const SLICE_MS = 4
const LAST_WORD_MS = 2_000

/**
 * One watching page: a cursor into the recorder's ring and the set of texts already sent. Its rows are built when its
 * socket has room for them, so a page that does not read costs no more than the limits of `PressureGauge`.
 */
export class Viewer {
  /** Rows that this page will never get. */
  missed = 0
  isVisible = true
  /** It shows what only the servers can report. */
  wantsTruth = false
  readonly #socket: ViewerSocket
  readonly #recorder: Recorder
  readonly #gauge = new PressureGauge()
  readonly #sent = new Set<TextId>()
  /** The last row that was sent, or null before the page subscribed. */
  #cursor: number | null = null
  /** The findings that this page was told of, by key; null before the first time. */
  #told: Map<string, Finding> | null = null
  #wasSlow = false
  #isClosed = false

  constructor(socket: ViewerSocket, recorder: Recorder) {
    this.#socket = socket
    this.#recorder = recorder
  }

  send(text: string): void {
    if (!this.#isClosed) this.#socket.send(text)
  }

  subscribe({ since }: Subscribe): void {
    const { ring } = this.#recorder.history
    const goesOn =
      since !== null &&
      since.boot === this.#recorder.boot &&
      since.seq >= ring.first - 1 &&
      since.seq <= ring.last
    if (goesOn) this.#cursor = since.seq
    else this.#snapshot(this.#recorder.history.beforeRing())
    this.pump()
  }

  setVisible(visible: boolean): void {
    this.isVisible = visible
    if (visible) this.pump()
  }

  /** Tells what has changed of the findings since it was last told. */
  tell(findings: readonly Finding[], now: number): void {
    if (this.#cursor === null || this.#gauge.read(this.#socket, now) !== 'open') return
    const told = this.#told ?? new Map<string, Finding>()
    const next = new Map(findings.map(finding => [finding.key, finding]))
    const found = findings.filter(finding => told.get(finding.key) !== finding)
    const over = [...told.keys()].filter(key => !next.has(key))
    const isFirst = this.#told === null
    this.#told = next
    if (isFirst || found.length + over.length > 0) this.send(encode({ type: 'findings', now, found, over }))
  }

  /** Sends as much as there is room and time for. Called often; the rest waits for the next call. */
  pump(): void {
    if (this.#isClosed) return
    const pressure = this.#gauge.read(this.#socket, performance.now())
    switch (pressure) {
      case 'lost':
        return this.close(CLOSE.tooSlow, 'the page reads too slowly')
      case 'slow':
        this.#wasSlow = true
        return
      case 'full':
        return
      case 'open':
        if (this.isVisible) this.#catchUp()
        return
      default:
        pressure satisfies never
    }
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.close(code, reason)
    // The closing frame waits behind everything unread, and its answer may never come.
    setTimeout(() => this.#socket.terminate(), LAST_WORD_MS).unref()
  }

  #catchUp(): void {
    if (this.#cursor === null) return
    const { history } = this.#recorder
    const { ring } = history
    if (this.#wasSlow) {
      this.#wasSlow = false
      if (this.#cursor < ring.last) {
        this.#gap(this.#cursor + 1, ring.last, 'slow page')
        this.#snapshot(history.asOfNow())
      }
    } else if (this.#cursor + 1 < ring.first) {
      this.#gap(this.#cursor + 1, ring.first - 1, 'ring overrun')
      this.#snapshot(history.beforeRing())
    }
    const deadline = performance.now() + SLICE_MS
    while (this.#cursor < ring.last) {
      if (this.#gauge.read(this.#socket, performance.now()) !== 'open') return
      this.#sendEvents()
      if (performance.now() > deadline) return
    }
  }

  #sendEvents(): void {
    const { ring, dictionary } = this.#recorder.history
    const batch = emptyBatch()
    while (batch.characters < BATCH_CHARACTERS) {
      const row = ring.at((this.#cursor ?? 0) + 1)
      if (row === undefined) break
      // First, so that a row that cannot be encoded does not stop all that follow.
      this.#cursor = row[0]
      addToBatch(batch, row, id => dictionary.textOf(id), this.#sent)
    }
    if (batch.entries.length > 0) this.send(encode({ type: 'dict', entries: batch.entries }))
    if (batch.rows.length > 0) this.send(encodeEvents(batch))
    this.#forgetTexts()
  }

  #snapshot(snapshot: Snapshot): void {
    const { dictionary } = this.#recorder.history
    const batch = emptyBatch()
    for (const row of snapshot.rows) addToBatch(batch, row, id => dictionary.textOf(id), this.#sent)
    this.#gauge.allow(batch.characters * 2)
    if (batch.entries.length > 0) this.send(encode({ type: 'dict', entries: batch.entries }))
    this.send(encodeSnapshot(snapshot.seq, batch))
    this.#cursor = snapshot.seq
  }

  #gap(from: number, to: number, reason: Gap['reason']): void {
    this.missed += to - from + 1
    this.send(encode({ type: 'gap', from, to, reason }))
  }

  /** Texts that the dictionary has forgotten never come again: ids are not reused. */
  #forgetTexts(): void {
    const { dictionary } = this.#recorder.history
    if (this.#sent.size <= 2 * dictionary.size + 1_000) return
    for (const id of this.#sent) if (dictionary.textOf(id) === undefined) this.#sent.delete(id)
  }
}
