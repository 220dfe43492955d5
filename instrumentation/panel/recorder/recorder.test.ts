import { expect, test } from 'vitest'
import { channels, type StatementMessage } from '../../../server-lib/channels/index.ts'
import { addReporting, type EngineReport } from '../../../server-lib/channels/engine-reports.ts'
import { createEngines, engine } from '../../../server-lib/index.ts'
import { description, SITE } from '../testing/messages.ts'
import {
  expectNothingUncounted,
  freshPage,
  latePage,
  record,
  recorder,
  ringRows,
  speaker,
  witness,
} from '../testing/recording.ts'

test('a fresh page, one that came late and one that saw it all know the same', () => {
  record({ ringBytes: 16 * 1024, keptBytes: 1024 * 1024 })
  const saw = witness()
  speaker.declare()
  for (const slot of [0, 1, 2, 3]) speaker.connect(`c${slot}`, slot)
  // Open throughout: a request with everything that it can have, a hold without a request, a leak.
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
  speaker.overdue('ko', 'c0', 'open')
  speaker.stalled(300)
  const compare = () => {
    expect(freshPage().open()).toEqual(saw.open())
    expect(latePage().open()).toEqual(saw.open())
    expectNothingUncounted()
  }
  compare()
  expect(latePage().checkouts.get('ko')).toMatchObject({ overdue: 'executing' })
  expect(latePage().lately.size).toBe(1)
  for (let number = 0; number < 300; number++) {
    // Every tenth is slow, and so kept aside; the comparison meets every stage of a request.
    speaker.wholeRequest(number, number % 10 === 0 ? 700 : 5, number % 7)
    if (number % 3 === 0) speaker.sessionState('so', 'open', number % 2 ? 'active' : 'failed')
    if (number === 100) speaker.disconnect('c2', 2)
    if (number % 50 === 0) speaker.stalled(number)
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
        holder: {
          checkout: 'k1',
          request: 'u1',
          session: 's1',
          since: 2,
          site: SITE,
          isLineTaken: true,
          keptFor: null,
        },
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
    waiters: [{ checkout: 'k2', request: 'u2', session: null, since: 3, site: null, isLineTaken: false }],
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
    checkouts: {
      k1: { connection: 'c1', site: 'src/orders.ts:41', isLineTaken: true },
      k2: { connection: null, isLineTaken: false },
    },
    transactions: { t1: { connection: 'c1' } },
  })
  // And the count continues from there.
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

test('engines that take over by their key are the ones that it shows, when it was there before and when it comes after', async () => {
  record()
  const evaluate = (max: number) =>
    createEngines(
      { writer: engine()({ connection: 'postgres://u@127.0.0.1:1/x', pool: { max } }) },
      { hot: 'recorded' },
    )
  const first = evaluate(2)
  const second = evaluate(3)
  expect(freshPage().engines.get('writer')).toMatchObject({ pool: 'writer#2' })
  await first.close()
  expect(freshPage().engines.get('writer')).toMatchObject({ pool: 'writer#2' })
  recorder.stop()
  record()
  expect(freshPage().open()).toMatchObject({ engines: { writer: { pool: 'writer#2', max: 3 } } })
  await second.close()
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
  expect(Object.values(channels).filter(channel => channel.hasSubscribers)).toEqual([])
})
