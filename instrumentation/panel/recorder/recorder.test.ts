import { afterEach, beforeEach, expect, test } from 'vitest'
import { channels, type StatementMessage } from '../../../server-lib/channels.ts'
import { addReporting, type EngineReport } from '../../../server-lib/engines/engine-reports.ts'
import { KIND, type AnyRow, type Snapshot } from '../protocol.ts'
import { PageState } from '../testing/page-state.ts'
import { description, SITE, Speaker } from '../testing/messages.ts'
import { DEFAULT_LIMITS, Recorder, type RecorderLimits } from './index.ts'
import { forEachText } from './row-texts.ts'

let recorder: Recorder
let speaker: Speaker
beforeEach(() => void (speaker = new Speaker()))
afterEach(() => recorder.stop())

function record(limits: Partial<RecorderLimits> = {}): Recorder {
  recorder = new Recorder({ ...DEFAULT_LIMITS, ...limits })
  recorder.start()
  return recorder
}

function ringRows(): AnyRow[] {
  const { ring } = recorder.history
  return Array.from({ length: ring.length }, (_, index) => ring.at(ring.first + index) as AnyRow)
}

/** What a page knows that was sent a snapshot and, unless it was of now, the ring. */
function pageOf(snapshot: Snapshot, rest: AnyRow[]): PageState {
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

const freshPage = () => pageOf(recorder.history.beforeRing(), ringRows())
const latePage = () => pageOf(recorder.history.asOfNow(), [])

/** Applies each row as it comes, as a page does that looked on all the time. */
function witness(): PageState {
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

function expectNothingUncounted(): void {
  const { history } = recorder
  expect(history.held + history.dropped).toBe(history.ring.last)
}

test('the ring stays within its bytes, and each row is held or counted as dropped', () => {
  record({ ringBytes: 64 * 1024, keptBytes: 16 * 1024 })
  speaker.declare()
  speaker.connect('c1', 0)
  for (let number = 0; number < 2_000; number++) {
    speaker.wholeRequest(number)
    expect(recorder.history.ring.bytes).toBeLessThanOrEqual(64 * 1024)
  }
  expect(recorder.history.ring.last).toBe(2 + 2_000 * 11)
  expectNothingUncounted()
  // All but the ring, the engine, the connection and what was open before the ring's first row.
  const { history } = recorder
  expect(history.ring.last - history.ring.length - history.dropped).toBeLessThan(20)
  expect(recorder.failures).toBe(0)
})

test('a burst of 100 000 messages is counted exactly', () => {
  record()
  speaker.declare()
  speaker.connect('c1', 0)
  for (let number = 0; number < 50_000; number++) {
    speaker.statement(`q${number}`, 'c1', null)
    speaker.statementEnd(`q${number}`)
  }
  expect(recorder.history.ring.last).toBe(100_002)
  expect(recorder.history.dropped).toBeGreaterThan(0)
  expectNothingUncounted()
})

test('of one request 500 statements are told in full, the others are counted', () => {
  record()
  speaker.request('u1')
  for (let number = 0; number < 1_234; number++) {
    speaker.statement(`q${number}`, 'c1', 'u1')
    speaker.statementEnd(`q${number}`)
  }
  speaker.statement('other', 'c1', 'u2')
  speaker.requestEnd('u1')
  const told = ringRows().filter(row => row[1] === KIND.statementStart && row[7] === 'u1')
  const ended = ringRows().filter(row => row[1] === KIND.statementEnd)
  const omitted = ringRows().filter(row => row[1] === KIND.statementsOmitted)
  expect([told.length, ended.length, recorder.statementsOmitted]).toEqual([500, 500, 734])
  expect(omitted.map(row => row[4])).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 734])
  expect(ringRows().at(-1)?.[1]).toBe(KIND.requestEnd)
})

test('a fresh page, one that came late and one that saw it all know the same', () => {
  record({ ringBytes: 16 * 1024, keptBytes: 1024 * 1024 })
  const saw = witness()
  speaker.declare()
  for (const slot of [0, 1, 2, 3]) speaker.connect(`c${slot}`, slot)
  // Open from here to the end: a request with all there can be in it, a hold of nobody's, a leak.
  speaker.request('open')
  speaker.session('so', 'open')
  speaker.sessionState('so', 'open', 'active')
  speaker.ask('ko', 'open', 'so')
  speaker.acquire('ko', 'c0')
  speaker.begin('to', 'c0', 'open')
  channels.transaction.publish({ phase: 'savepoint', at: 1, id: 'to', name: 'sp1', action: 'set' })
  speaker.statement('qo', 'c0', 'open', 'select pg_sleep(100)', 0)
  speaker.session('done', 'open')
  speaker.sessionEnd('done', 'open')
  speaker.ask('nobody', null)
  speaker.acquire('nobody', 'c2')
  speaker.request('leaking')
  speaker.ask('leak', 'leaking')
  speaker.acquire('leak', 'c3')
  speaker.requestEnd('leaking', { outcome: 'finished', status: 200, unreleased: ['writer'] })
  speaker.ask('waiting', 'open')
  const compare = () => {
    expect(freshPage().open()).toEqual(saw.open())
    expect(latePage().open()).toEqual(saw.open())
    expectNothingUncounted()
  }
  compare()
  for (let number = 0; number < 300; number++) {
    // Every tenth is slow, so kept aside; the comparison falls on every stage of a request.
    speaker.wholeRequest(number, number % 10 === 0 ? 700 : 5, number % 7)
    if (number % 3 === 0) speaker.sessionState('so', 'open', number % 2 ? 'active' : 'failed')
    if (number === 100) speaker.disconnect('c2', 2)
    if (number === 101) speaker.connect('c9', 2)
    speaker.request(`half${number}`)
    speaker.ask(`khalf${number}`, `half${number}`)
    compare()
    speaker.acquire(`khalf${number}`, 'c1')
    compare()
    speaker.release(`khalf${number}`, 'c1')
    speaker.requestEnd(`half${number}`)
  }
  compare()
  expect(recorder.history.dropped).toBeGreaterThan(1_000)
  expect(saw.connections.get('c1')?.uses).toBe(600)
  speaker.statementEnd('qo')
  speaker.commit('to')
  for (const [checkout, connection] of [
    ['ko', 'c0'],
    ['leak', 'c3'],
  ] as const)
    speaker.release(checkout, connection)
  speaker.sessionEnd('so', 'open')
  speaker.requestEnd('open')
  for (let number = 1_000; number < 1_100; number++) speaker.wholeRequest(number)
  compare()
  expect([...freshPage().statements.keys(), ...freshPage().transactions.keys()]).toEqual([])
})

test('requests that were slow, failed, aborted or leaked outlive healthy traffic, with all of their rows', () => {
  record({ ringBytes: 32 * 1024 })
  speaker.declare()
  speaker.connect('c1', 0)
  speaker.wholeRequest(1, 501)
  const ends = {
    failed: { outcome: 'failed', status: null, unreleased: [] },
    aborted: { outcome: 'aborted', status: null, unreleased: [] },
    leaked: { outcome: 'finished', status: 200, unreleased: ['writer'] },
    answered500: { outcome: 'finished', status: 500, unreleased: [] },
    healthy: { outcome: 'finished', status: 200, unreleased: [] },
  } as const
  for (const [id, end] of Object.entries(ends)) {
    speaker.request(id)
    speaker.statement(`q-${id}`, 'c1', id)
    speaker.statementEnd(`q-${id}`)
    speaker.requestEnd(id, end)
  }
  for (let number = 100; number < 1_000; number++) speaker.wholeRequest(number)
  const kept = recorder.history.beforeRing().rows
  const requests = kept.filter(row => row[1] === KIND.requestEnd).map(row => row[3])
  expect(requests.filter(id => !/^u\d{3}/.test(id))).toEqual([
    'u1',
    'failed',
    'aborted',
    'leaked',
    'answered500',
  ])
  // Begin, session (2), check-out (3), transaction (2), statement (2), end.
  const ofSlow = kept.filter(row => JSON.stringify(row).match(/"(u1|s1|k1|t1|q1\.0)"/))
  expect(ofSlow.length).toBe(11)
  expectNothingUncounted()
})

test('at most 100 requests are kept aside, the last ones', () => {
  record({ ringBytes: 16 * 1024, keptBytes: 8 * 1024 * 1024 })
  for (let number = 0; number < 250; number++) speaker.wholeRequest(number, 600)
  for (let number = 250; number < 500; number++) speaker.wholeRequest(number)
  const kept = recorder.history
    .beforeRing()
    .rows.filter(row => row[1] === KIND.requestEnd)
    .map(row => row[3])
    .filter(id => Number(id.slice(1)) < 250)
  expect([kept.length, kept[0], kept.at(-1)]).toEqual([100, 'u150', 'u249'])
  expectNothingUncounted()
})

test('a slow request of which the ring forgot the beginning while it ran is kept whole', () => {
  record({ ringBytes: 16 * 1024 })
  speaker.request('long')
  speaker.statement('q-long', 'c1', 'long')
  speaker.statementEnd('q-long')
  for (let number = 0; number < 200; number++) speaker.wholeRequest(number)
  speaker.requestEnd('long')
  for (let number = 200; number < 400; number++) speaker.wholeRequest(number)
  const kept = recorder.history.beforeRing().rows.filter(row => JSON.stringify(row).includes('long'))
  expect(kept.map(row => row[1])).toEqual([
    KIND.requestStart,
    KIND.statementStart,
    KIND.statementEnd,
    KIND.requestEnd,
  ])
})

test('a healthy request of which the ring forgot the beginning while it ran leaves nothing behind', () => {
  record({ ringBytes: 16 * 1024 })
  speaker.request('healthy')
  speaker.statement('q-healthy', 'c1', 'healthy')
  speaker.statementEnd('q-healthy')
  for (let number = 0; number < 90; number++) speaker.wholeRequest(number)
  expect(recorder.history.ring.first).toBeGreaterThan(3)
  speaker.requestEnd('healthy')
  for (let number = 90; number < 400; number++) speaker.wholeRequest(number)
  expect(JSON.stringify(recorder.history.beforeRing())).not.toContain('healthy')
  expectNothingUncounted()
})

test('of two kept requests the one that ended first leaves first, whichever began first', () => {
  record({ ringBytes: 16 * 1024, requestsKept: 2 })
  speaker.request('began first')
  speaker.statement('q', 'c1', 'began first')
  speaker.statementEnd('q')
  for (let number = 0; number < 2; number++) speaker.wholeRequest(number, 600)
  for (let number = 100; number < 300; number++) speaker.wholeRequest(number)
  speaker.requestEnd('began first')
  for (let number = 300; number < 500; number++) speaker.wholeRequest(number)
  speaker.wholeRequest(2, 600)
  const kept = () =>
    recorder.history
      .beforeRing()
      .rows.filter(row => row[1] === KIND.requestEnd && !/^u\d{3}/.test(row[3]))
      .map(row => row[3])
  expect(kept()).toEqual(['u1', 'began first'])
  for (let number = 500; number < 700; number++) speaker.wholeRequest(number)
  expect(kept()).toEqual(['began first', 'u2'])
})

test('each text that a held row names can be told, though texts without number pass through', () => {
  record({ ringBytes: 256 * 1024, dictionaryBytes: 64 * 1024, keptBytes: 16 * 1024 })
  speaker.declare()
  for (let number = 0; number < 5_000; number++) {
    const request = `u${number}`
    speaker.request(request, `GET /page/${number}/${'x'.repeat(200)}`)
    speaker.statement(`q${number}`, 'c1', request, `select column_${number} from t /* */`, 1)
    if (number % 2) speaker.at += 300
    speaker.statementEnd(`q${number}`)
    speaker.requestEnd(request)
  }
  const { dictionary } = recorder.history
  expect(dictionary.bytes).toBeLessThanOrEqual(64 * 1024)
  for (const row of [...recorder.history.beforeRing().rows, ...ringRows()])
    forEachText(row, id => expect(dictionary.textOf(id)).toBeTypeOf('string'))
  expectNothingUncounted()
})

test('texts of things that never end fill the dictionary to its limit and no further', () => {
  record({ ringBytes: 1024 * 1024, dictionaryBytes: 64 * 1024 })
  for (let number = 0; number < 1_000; number++)
    speaker.statement(`q${number}`, 'c1', null, `select ${'x'.repeat(4_000)}${number}`, 1)
  expect(recorder.history.dictionary.bytes).toBeLessThan(3 * 64 * 1024)
  expectNothingUncounted()
})

test('a long statement is cut to 4 KiB and holds no memory of what was cut', () => {
  record()
  speaker.statement('q1', 'c1', null, `select ${'x'.repeat(100_000)}`, 0)
  const [row] = ringRows()
  const text = row?.[1] === KIND.statementStart ? recorder.history.dictionary.textOf(row[9]) : ''
  expect(text?.length).toBe(4 * 1024 + 1)
  expect(text?.endsWith('…')).toBe(true)
})

test('one who comes late is told of engines, connections, holders, waiters and open transactions', () => {
  const report: EngineReport = {
    description: description(),
    used: 1,
    idle: 1,
    connections: [
      {
        connection: 'c1',
        slot: 0,
        backendPid: 7,
        since: 1,
        uses: 3,
        holder: { checkout: 'k1', request: 'u1', session: 's1', since: 2, site: SITE },
        transaction: 't1',
        status: 'T',
      },
      {
        connection: 'c2',
        slot: 1,
        backendPid: 8,
        since: 1,
        uses: 5,
        holder: null,
        transaction: null,
        status: 'I',
      },
    ],
    waiters: [{ checkout: 'k2', request: 'u2', session: null, since: 3, site: null }],
  }
  const stop = addReporting({ report: () => report })
  try {
    record()
  } finally {
    stop()
  }
  const state = freshPage().open()
  expect(state).toMatchObject({
    engines: { writer: { max: 10, server: '127.0.0.1:5432' } },
    connections: { c1: { uses: 3, heldBy: 'k1' }, c2: { uses: 5, heldBy: null } },
    checkouts: { k1: { connection: 'c1', site: 'src/orders.ts:41' }, k2: { connection: null } },
    transactions: { t1: { connection: 'c1' } },
  })
  // And goes on from there.
  speaker.release('k1', 'c1')
  expect(freshPage().connections.get('c1')).toMatchObject({ uses: 3, heldBy: null })
})

test('the end of a statement that began before the recorder is not told', () => {
  record()
  speaker.statementEnd('q-before')
  expect(recorder.history.ring.length).toBe(0)
})

test('an engine whose old pool closes after a reinit goes on', () => {
  record()
  speaker.declare()
  const next = description('writer', 'writer#2')
  channels.engine.publish({ phase: 'reinitialized', at: 2, engine: 'writer', description: next })
  channels.engine.publish({ phase: 'closed', at: 3, engine: 'writer', pool: 'writer#1' })
  expect(freshPage().engines.get('writer')).toMatchObject({ pool: 'writer#2' })
  channels.engine.publish({ phase: 'closed', at: 4, engine: 'writer', pool: 'writer#2' })
  expect(freshPage().engines.get('writer')).toBe('closed')
})

test('rows hold plain values alone, whatever a message has in it, and nothing is thrown', () => {
  record()
  const warnings: string[] = []
  const onWarning = (warning: Error) => void warnings.push(warning.message)
  process.on('warning', onWarning)
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  const strange: unknown[] = [
    10n,
    Buffer.from('x'),
    new Date(Number.NaN),
    circle,
    Symbol('x'),
    () => 1,
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('trap')
        },
      },
    ),
    Object.create(null),
    {
      get toString() {
        throw new Error('getter')
      },
    },
    '__proto__',
    Number.NaN,
    undefined,
  ]
  for (const value of strange) {
    for (const field of ['at', 'id', 'connection', 'request', 'text', 'parameters', 'site', 'queuedMs']) {
      const message = {
        phase: 'start',
        at: 1,
        id: 'q1',
        engine: 'writer',
        pool: 'writer#1',
        connection: 'c1',
        slot: 0,
        backendPid: 1,
        checkout: null,
        session: null,
        request: null,
        transaction: null,
        text: 'select',
        parameters: 0,
        kind: 'query',
        queuedMs: 0,
        site: null,
        [field]: value,
      } as StatementMessage
      expect(() => channels.statement.publish(message)).not.toThrow()
    }
  }
  for (const message of strange) channels.request.publish(message as never)
  process.off('warning', onWarning)
  expect(recorder.failures).toBeGreaterThan(0)
  for (const row of ringRows()) {
    expect(JSON.parse(JSON.stringify(row))).toEqual(row)
    for (const column of row)
      expect(['string', 'number']).toContain(column === null ? 'string' : typeof column)
  }
})

test('a recorder that was stopped hears nothing', () => {
  record()
  expect(channels.statement.hasSubscribers).toBe(true)
  recorder.stop()
  expect(Object.values(channels).map(channel => channel.hasSubscribers)).toEqual(Array(7).fill(false))
})
