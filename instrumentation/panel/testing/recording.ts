import { beforeEach, expect, onTestFinished } from 'vitest'
import { decode, forEachText, isA, type Row } from '../../model/codec.ts'
import type { Fact, Kind } from '../../model/rows.ts'
import type { Snapshot } from '../../model/protocol.ts'
import { DEFAULT_LIMITS, Recorder, type RecorderLimits } from '../recorder/index.ts'
import { Speaker } from './messages.ts'
import { PageState } from './page-state.ts'

/** The recorder that `record` started, and a speaker to it, new for each test. */
export let recorder: Recorder
export let speaker: Speaker
beforeEach(() => void (speaker = new Speaker()))

/** Starts a recorder, until the test ends. */
export function record(limits: Partial<RecorderLimits> = {}): Recorder {
  const started = new Recorder({ ...DEFAULT_LIMITS, ...limits })
  recorder = started
  // Not in an `afterEach`: in a process of many test files this module is loaded for the first of them alone.
  onTestFinished(() => started.stop())
  started.start()
  return started
}

export function ringRows(): Row[] {
  const { ring } = recorder.history
  return Array.from({ length: ring.length }, (_, index) => ring.at(ring.first + index) as Row)
}

/** What those rows say that are of this kind. */
export function factsOf<K extends Kind>(kind: K, rows: readonly Row[]): Fact<K>[] {
  return rows
    .filter(row => isA(kind, row))
    .map(row => decode(kind, row, id => recorder.history.dictionary.textOf(id) ?? ''))
}

/** What a page knows after a snapshot and, unless that is of now, the ring. */
function pageOf(snapshot: Snapshot, rest: Row[]): PageState {
  const page = new PageState()
  const texts = new Map<number, string>()
  for (const row of [...snapshot.rows, ...rest]) {
    forEachText(row, id => {
      const text = recorder.history.dictionary.textOf(id)
      if (text !== undefined) texts.set(id, text)
    })
    page.apply(row, texts)
  }
  return page
}

/** A page that gets what is before the ring, and the ring. */
export const freshPage = () => pageOf(recorder.history.beforeRing(), ringRows())
/** A page that gets what is open now. */
export const latePage = () => pageOf(recorder.history.asOfNow(), [])

/** Applies each row as it comes, like a page that watched all the time. */
export function witness(): PageState {
  const page = new PageState()
  const { history } = recorder
  const push = history.push.bind(history)
  history.push = row => {
    push(row)
    const texts = new Map<number, string>()
    forEachText(row, id => texts.set(id, history.dictionary.textOf(id) ?? ''))
    page.apply(row, texts)
  }
  return page
}

/** Each row that ever existed is held or counted as dropped. */
export function expectNothingUncounted(): void {
  const { history } = recorder
  expect(history.held + history.dropped).toBe(history.ring.last)
}
