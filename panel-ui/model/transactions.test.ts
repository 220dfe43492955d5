import { expect, test } from 'vitest'
import type { Fact, Kind } from '../../instrumentation/model/rows.ts'
import { Telling } from '../../instrumentation/model/testing/telling.ts'
import type { EndReason } from '../../server-lib/channels/words.ts'
import type { ServerTruth } from '../../instrumentation/model/protocol.ts'
import { apply } from '../../instrumentation/model/apply.ts'
import { commitTimeline } from './commit-timeline.ts'
import { fateOf, savepointDepth, statementsOf, whyOf } from '../../instrumentation/model/fate.ts'
import { doubtsOf, gidParts } from '../../instrumentation/findings/in-doubt.ts'
import { ledgerOf } from '../../instrumentation/model/ledger.ts'
import { judgeRequest } from '../../instrumentation/findings/index.ts'
import { outcomeOf } from '../../instrumentation/findings/outcome.ts'
import { thresholdsOf } from '../../instrumentation/findings/thresholds.ts'
import { emptyState, type PanelState } from '../../instrumentation/model/state.ts'
import { transactionFilter } from './transaction-filter.ts'
import { transactionVerdict } from '../../instrumentation/findings/transaction-verdict.ts'
import { endingLines, sentenceOf, transactionsOf } from './transactions.ts'
import { verdictOf } from '../../instrumentation/findings/verdict.ts'

const GID = 'enginelight:shop:7e57:warehouse:10c'

/** A state built row by row, ten milliseconds apart. */
class Story {
  now = 0
  readonly #told = new Telling()

  tell<K extends Kind>(kind: K, fact: Fact<K>): this {
    this.now += 10
    this.#told.tell(this.now, kind, fact)
    return this
  }

  /** A request that has written on an engine, in the session and the transaction of that number. */
  written(number: number, engine = 'writer'): this {
    const [u, s, c, t, q] = ['u1', `s${number}`, `c${number}`, `t${number}`, `q${number}`]
    if (number === 1)
      this.tell('requestStart', {
        id: u,
        kind: 'http',
        label: 'POST /orders',
        attribute: 'db',
        engines: ['writer', 'warehouse'],
      })
    return this.tell('connected', {
      id: c,
      engine,
      pool: `${engine}#1`,
      slot: 0,
      backendPid: 100 + number,
      uses: 0,
    })
      .tell('sessionStart', { id: s, engine, request: u, mode: 'transaction' })
      .tell('transactionStart', {
        id: t,
        connection: c,
        checkout: null,
        session: s,
        request: u,
        site: 'orders.ts:41',
      })
      .tell('statementStart', {
        id: q,
        connection: c,
        checkout: null,
        session: s,
        request: u,
        transaction: t,
        text: 'update t',
        parameters: 0,
        queuedMs: 0,
        site: 'orders.ts:41',
        cursor: false,
        valuesHash: null,
        within: null,
      })
      .tell('statementEnd', { id: q, rows: 1, command: 'UPDATE', code: null, message: null })
  }

  ending(why: EndReason, number = 1): this {
    return this.tell('sessionEnding', { id: `s${number}`, why, site: 'orders.ts:41' })
  }

  sent(number: number, code: string | null): this {
    return this.tell('statementStart', {
      id: `e${number}`,
      connection: `c${number}`,
      checkout: null,
      session: `s${number}`,
      request: 'u1',
      transaction: `t${number}`,
      text: 'COMMIT',
      parameters: 0,
      queuedMs: 0,
      site: 'orders.ts:41',
      cursor: false,
      valuesHash: null,
      within: null,
    }).tell('statementEnd', {
      id: `e${number}`,
      rows: null,
      command: code ? null : 'ROLLBACK',
      code,
      message: code ? 'a duplicate key' : null,
    })
  }

  get state(): PanelState {
    return apply(emptyState, this.#told.rows, this.#told.texts)
  }

  /** The state of the first transaction, and its reason and line. */
  get told(): string {
    const { state } = this
    const request = state.requests.get('u1')
    const [transaction] = request?.transactions ?? []
    if (!transaction) return 'none'
    const commit = state.commits.get(transaction.commit ?? '')
    const { why, site } = whyOf(transaction, request)
    return `${fateOf(transaction, request, commit, state.doubts)}: ${why} (${site})`
  }
}

const findingsOf = ({ state, now }: Story) =>
  judgeRequest(state.requests.get('u1')!, thresholdsOf(state), now, state)

const committing = () =>
  new Story()
    .written(1)
    .written(2, 'warehouse')
    .tell('commitStart', {
      id: 'x1',
      request: 'u1',
      mode: 'two-phase',
      key: '7e57',
      participants: [
        { engine: 'warehouse', session: 's2', role: 'prepares', gid: GID },
        { engine: 'writer', session: 's1', role: 'decides', gid: null },
      ],
      site: 'orders.ts:41',
    })

test.each<[string, Story, string]>([
  ['open', new Story().written(1), 'open: begun (orders.ts:41)'],
  ['being ended', new Story().written(1).ending('commit'), 'ending: commit (orders.ts:41)'],
  [
    'failed, and open',
    new Story().written(1).tell('transactionFailed', { id: 't1', statement: 'q1', code: '23505' }),
    'failed: a statement failed with 23505 (orders.ts:41)',
  ],
  [
    'committed',
    new Story()
      .written(1)
      .ending('commit')
      .tell('transactionEnd', { id: 't1', outcome: 'committed', asked: 'commit', statements: 2 }),
    'committed: commit (orders.ts:41)',
  ],
  [
    'rolled back as asked',
    new Story()
      .written(1)
      .ending('doomed')
      .tell('transactionEnd', { id: 't1', outcome: 'rolled back', asked: 'rollback', statements: 2 }),
    'rolled back: doomed (orders.ts:41)',
  ],
  [
    'rolled back for want of a commit',
    new Story()
      .written(1)
      .ending('commit forgotten')
      .tell('transactionEnd', { id: 't1', outcome: 'rolled back', asked: 'rollback', statements: 2 }),
    'rolled back: it ended without commit() after a write (orders.ts:41)',
  ],
  [
    'a commit that lied',
    new Story()
      .written(1)
      .sent(1, null)
      .tell('transactionEnd', { id: 't1', outcome: 'rolled back', asked: 'commit', statements: 2 }),
    'lied: commit outside of sessions (orders.ts:41)',
  ],
  [
    'a commit that failed with an error',
    new Story()
      .written(1)
      .ending('commit')
      .sent(1, '23505')
      .tell('transactionEnd', { id: 't1', outcome: 'rolled back', asked: 'commit', statements: 2 }),
    'refused: commit failed with 23505 (orders.ts:41)',
  ],
  [
    'a commit that the session did not even send',
    new Story()
      .written(1)
      .ending('commit')
      .tell('transactionEnd', { id: 't1', outcome: 'rolled back', asked: 'rollback', statements: 2 }),
    'refused: commit (orders.ts:41)',
  ],
  [
    'lost with its connection',
    new Story().written(1).tell('transactionEnd', { id: 't1', outcome: 'lost', asked: null, statements: 1 }),
    'lost: lost (orders.ts:41)',
  ],
  [
    'thrown away with its connection',
    new Story()
      .written(1)
      .ending('client aborted')
      .tell('transactionEnd', { id: 't1', outcome: 'lost', asked: null, statements: 1 }),
    'rolled back: the client went away (orders.ts:41)',
  ],
])('%s', (_name, story, told) => {
  expect(story.told).toBe(told)
})

test('a request that has forgotten its commit says so, with the line of its first write', () => {
  const story = new Story()
    .written(1)
    .ending('commit forgotten')
    .tell('transactionEnd', { id: 't1', outcome: 'rolled back', asked: 'rollback', statements: 2 })
    .tell('requestEnd', { id: 'u1', outcome: 'finished', status: 200, unreleased: [] })
  const request = story.state.requests.get('u1')!
  expect(verdictOf(request, ledgerOf(request, story.now), findingsOf(story))).toBe(
    'What POST /orders wrote on writer, at first at orders.ts:41, was rolled back: it ended without commit().',
  )
})

test('one that is prepared is what its commit, or else recovery, made of it', () => {
  const fate = (story: Story) => {
    const { state } = story
    const request = state.requests.get('u1')
    const transaction = request?.transactions.find(t => t.id === 't2')
    if (!transaction) return 'none'
    return fateOf(transaction, request, state.commits.get('x1'), state.doubts)
  }
  const prepared = () =>
    committing().tell('transactionEnd', { id: 't2', outcome: 'prepared', asked: 'prepare', statements: 2 })
  expect(fate(prepared())).toBe('prepared')
  const ended = (step: 'commit prepared' | 'rollback prepared', code: string | null) =>
    prepared()
      .tell('stepStart', { id: 'x1', engine: 'warehouse', step })
      .tell('stepEnd', {
        id: 'x1',
        engine: 'warehouse',
        step,
        durationMs: 5,
        command: code ? null : 'COMMIT',
        code,
        message: code ? 'a duplicate key' : null,
      })
  expect(fate(ended('commit prepared', null))).toBe('committed')
  expect(fate(ended('rollback prepared', null))).toBe('rolled back')
  expect(fate(ended('commit prepared', '08006'))).toBe('prepared')
  const recovered = ended('commit prepared', '08006').tell('recovered', {
    engine: 'warehouse',
    gid: GID,
    key: '7e57',
    ageMs: 6_000,
    outcome: 'committed',
  })
  expect(fate(recovered)).toBe('committed')
})

test('a commit has a lane for each engine, the decision at the end of its COMMIT, and the place where it broke off', () => {
  const story = committing()
    .tell('stepStart', { id: 'x1', engine: 'writer', step: 'decision' })
    .tell('stepEnd', {
      id: 'x1',
      engine: 'writer',
      step: 'decision',
      durationMs: 10,
      command: 'INSERT',
      code: null,
      message: null,
    })
    .tell('stepStart', { id: 'x1', engine: 'warehouse', step: 'prepare' })
    .tell('stepEnd', {
      id: 'x1',
      engine: 'warehouse',
      step: 'prepare',
      durationMs: 10,
      command: 'PREPARE',
      code: null,
      message: null,
    })
    .tell('stepStart', { id: 'x1', engine: 'writer', step: 'commit' })
  const startedAt = story.state.commits.get('x1')!.startedAt
  const timeline = () => commitTimeline(story.state.commits.get('x1')!, story.now)
  expect(timeline().lanes.map(({ engine, role, end }) => `${engine} ${role}: ${end}`)).toEqual([
    'writer decides: committing',
    'warehouse prepares: prepared',
  ])
  expect(timeline()).toMatchObject({ decidedAt: null, brokeOff: null, answeredAt: null })
  story.tell('stepEnd', {
    id: 'x1',
    engine: 'writer',
    step: 'commit',
    durationMs: 10,
    command: 'COMMIT',
    code: null,
    message: null,
  })
  expect(timeline().decidedAt).toBe(story.now - startedAt)
  story.tell('stepStart', { id: 'x1', engine: 'warehouse', step: 'commit prepared' }).tell('commitEnd', {
    id: 'x1',
    outcome: 'committed',
    engines: [
      { engine: 'writer', outcome: 'committed' },
      { engine: 'warehouse', outcome: 'committed, pending' },
    ],
    durationMs: 70,
    code: null,
    message: null,
  })
  const { lanes, brokeOff, length } = timeline()
  expect(lanes.map(({ end }) => end)).toEqual(['committed', 'committed, pending'])
  expect(brokeOff).toMatchObject({ engine: 'warehouse', step: 'commit prepared', endedAt: null })
  for (const { bars } of lanes)
    for (const { from, to } of bars) expect([from >= 0, to >= from, to <= length]).toEqual([true, true, true])
})

const truth = (now: number, gids: string[]): ServerTruth => ({
  type: 'truth',
  now,
  engines: ['warehouse', 'other'].map(engine => ({
    engine,
    askedMs: 0,
    open: [],
    prepared: gids.map(gid => ({ gid, owner: 'ada', ageMs: 1_000, locks: [] })),
  })),
})

test('in doubt is what a server has prepared and no commit under way is about to end, each once', () => {
  const story = committing()
  const left = (of: ServerTruth | null) =>
    doubtsOf(story.state, of, story.now + 500).inDoubt.map(({ gid, engine, reason, ageMs, owner }) =>
      [gid, engine, reason, ageMs, owner].join(' | '),
    )
  // Its commit is under way: it is where it should be.
  expect(left(truth(story.now, [GID]))).toEqual([])
  expect(left(truth(story.now, ['by hand']))).toEqual([
    'by hand | warehouse | not prepared by Enginelight: recovery leaves it alone | 1500 | ada',
  ])
  story.tell('commitEnd', {
    id: 'x1',
    outcome: 'unknown',
    engines: [{ engine: 'writer', outcome: 'unknown' }],
    durationMs: 1,
    code: null,
    message: null,
  })
  expect(left(truth(story.now, [GID]))).toEqual([
    `${GID} | warehouse | its commit ended unknown | 1500 | ada`,
  ])
  // Recovery's reason is the better one, and is used where the server cannot be asked.
  story.tell('inDoubt', {
    engine: 'warehouse',
    gid: GID,
    key: '7e57',
    ageMs: 60_000,
    reason: 'held by its coordinator',
  })
  expect(left(truth(story.now, [GID]))).toEqual([`${GID} | warehouse | held by its coordinator | 1500 | ada`])
  expect(left(null)).toEqual([`${GID} | warehouse | held by its coordinator | 60500 | `])
  // The server has been asked since, and no longer has it.
  expect(left(truth(story.now + 1, []))).toEqual([])
  story.tell('recovered', {
    engine: 'warehouse',
    gid: GID,
    key: '7e57',
    ageMs: 61_000,
    outcome: 'rolled back',
  })
  expect(doubtsOf(story.state, null, story.now)).toMatchObject({
    inDoubt: [],
    recovered: [{ gid: GID, outcome: 'rolled back', ageMs: 61_000 }],
  })
})

test('a gid is taken apart if it is one of ours', () => {
  expect(gidParts(GID)).toEqual({ application: 'shop', key: '7e57', engine: 'warehouse', location: '10c' })
  expect(gidParts('by hand')).toBe(null)
})

test('savepoints are as deep as they were nested at once', () => {
  const depth = (...actions: [name: string, action: 'set' | 'released' | 'rolled back'][]) => {
    const story = new Story().written(1)
    for (const [name, action] of actions) story.tell('savepoint', { id: 't1', name, action })
    return savepointDepth(story.state.transactions.get('t1')!)
  }
  expect(depth()).toBe(0)
  expect(depth(['a', 'set'], ['a', 'released'], ['b', 'set'])).toBe(1)
  expect(depth(['a', 'set'], ['b', 'set'], ['a', 'rolled back'], ['c', 'set'])).toBe(2)
  expect(depth(['a', 'set'], ['b', 'set'], ['c', 'set'], ['a', 'released'])).toBe(3)
})

test('the list: open ones oldest first, the others newest first, by words, and in one sentence', () => {
  const story = committing()
    .tell('transactionEnd', { id: 't1', outcome: 'committed', asked: 'commit', statements: 2 })
    .tell('transactionEnd', { id: 't2', outcome: 'prepared', asked: 'prepare', statements: 2 })
    .written(3)
    .written(4)
    .written(5)
    .sent(5, null)
    .tell('transactionEnd', { id: 't5', outcome: 'rolled back', asked: 'commit', statements: 2 })
  const all = transactionsOf(story.state)
  const ids = (of: readonly { transaction: { id: string } }[]) => of.map(told => told.transaction.id)
  expect([ids(all.open), ids(all.ended)]).toEqual([
    ['t3', 't4'],
    ['t5', 't2', 't1'],
  ])
  expect(sentenceOf(all, 1, true, story.now + 5_000)).toBe(
    '2 open, the oldest for 5 s. 1 in doubt. Of the last 3 transactions 1 did not commit, 1 of them although asked to.',
  )
  const found = (query: string) =>
    ids([...all.open, ...all.ended].filter(told => transactionFilter(query).matches(told, story.now)))
  expect(found('two-phase')).toEqual(['t2', 't1'])
  expect(found('engine:warehouse')).toEqual(['t2'])
  expect(found('lied')).toEqual(['t5'])
  expect(found('-open committed')).toEqual(['t1'])
  expect(found('orders.ts:41 /orders')).toHaveLength(5)
  expect(endingLines(all.ended)).toEqual([{ site: 'orders.ts:41', committed: 1, lost: 1 }])
  expect(all.ended.map(transactionVerdict)).toEqual([
    'Nothing was kept: the server answered COMMIT with ROLLBACK at orders.ts:41.',
    'Prepared: it waits for the decision of its commit.',
    'The server committed it, together with warehouse, in two phases at orders.ts:41.',
  ])
})

test('those that only read are left out unless asked for', () => {
  const story = new Story()
    .tell('requestStart', {
      id: 'u1',
      kind: 'http',
      label: 'POST /orders',
      attribute: 'db',
      engines: ['reader'],
    })
    .tell('connected', { id: 'c1', engine: 'reader', pool: 'reader#1', slot: 0, backendPid: 1, uses: 0 })
    .tell('transactionStart', {
      id: 't1',
      connection: 'c1',
      checkout: null,
      session: null,
      request: 'u1',
      site: 'orders.ts:41',
    })
    .tell('statementStart', {
      id: 'q1',
      connection: 'c1',
      checkout: null,
      session: null,
      request: 'u1',
      transaction: 't1',
      text: 'update t',
      parameters: 0,
      queuedMs: 0,
      site: 'orders.ts:41',
      cursor: false,
      valuesHash: null,
      within: null,
    })
    .tell('statementEnd', { id: 'q1', rows: 1, command: 'SELECT', code: null, message: null })
    .tell('transactionEnd', { id: 't1', outcome: 'rolled back', asked: 'rollback', statements: 1 })
  const { ended } = transactionsOf(story.state)
  expect(ended.map(({ fate }) => fate)).toEqual(['read only'])
  expect(ended.filter(told => transactionFilter('').matches(told, 0))).toEqual([])
  expect(ended.filter(told => transactionFilter('with-reads').matches(told, 0))).toHaveLength(1)
})

test('a request is committed where the one that decided is, and not because another was prepared', () => {
  const outcome = (story: Story) =>
    outcomeOf(
      story
        .tell('requestEnd', { id: 'u1', outcome: 'finished', status: 200, unreleased: [] })
        .state.requests.get('u1')!,
      story.now,
    )
  const prepared = () =>
    committing().tell('transactionEnd', { id: 't2', outcome: 'prepared', asked: 'prepare', statements: 2 })
  expect(
    outcome(
      prepared().tell('transactionEnd', { id: 't1', outcome: 'committed', asked: 'commit', statements: 2 }),
    ),
  ).toBe('committed')
  expect(
    outcome(
      prepared().tell('transactionEnd', {
        id: 't1',
        outcome: 'rolled back',
        asked: 'rollback',
        statements: 2,
      }),
    ),
  ).toBe('rolled back')
  const alone = new Story()
    .written(1)
    .tell('transactionEnd', { id: 't1', outcome: 'prepared', asked: 'prepare', statements: 2 })
  expect(outcome(alone)).toBe('open')
  const lied = new Story()
    .written(1)
    .sent(1, null)
    .tell('transactionEnd', { id: 't1', outcome: 'rolled back', asked: 'commit', statements: 2 })
  expect(findingsOf(lied).map(({ key }) => key)).toEqual(['lied commit t1'])
  const refused = new Story()
    .written(1)
    .sent(1, '23505')
    .tell('transactionEnd', { id: 't1', outcome: 'rolled back', asked: 'commit', statements: 2 })
  expect(findingsOf(refused)).toMatchObject([{ kind: 'commit refused' }])
})

test('a statement that travelled with BEGIN belongs to the transaction that came of it, BEGIN does not', () => {
  const story = new Story()
    .tell('requestStart', {
      id: 'u1',
      kind: 'http',
      label: 'POST /orders',
      attribute: 'db',
      engines: ['writer'],
    })
    .tell('connected', { id: 'c1', engine: 'writer', pool: 'writer#1', slot: 0, backendPid: 101, uses: 0 })
    .tell('sessionStart', { id: 's1', engine: 'writer', request: 'u1', mode: 'transaction' })
    .tell('statementStart', {
      id: 'b1',
      connection: 'c1',
      checkout: null,
      session: 's1',
      request: 'u1',
      transaction: null,
      text: '',
      parameters: 0,
      queuedMs: 0,
      site: 'orders.ts:41',
      cursor: false,
      valuesHash: null,
      within: null,
    })
    .tell('statementStart', {
      id: 'q1',
      connection: 'c1',
      checkout: null,
      session: 's1',
      request: 'u1',
      transaction: null,
      text: 'update t',
      parameters: 0,
      queuedMs: 0,
      site: 'orders.ts:41',
      cursor: false,
      valuesHash: null,
      within: null,
    })
    .tell('statementEnd', { id: 'b1', rows: 0, command: 'BEGIN', code: null, message: null })
    .tell('transactionStart', {
      id: 't1',
      connection: 'c1',
      checkout: null,
      session: 's1',
      request: 'u1',
      site: 'orders.ts:41',
    })
    .tell('statementEnd', { id: 'q1', rows: 1, command: 'UPDATE', code: null, message: null })
  const request = story.state.requests.get('u1')
  const [transaction] = request?.transactions ?? []
  if (!transaction) throw new Error('no transaction')
  expect(statementsOf(transaction, request).map(({ id, command }) => [id, command])).toEqual([
    ['q1', 'UPDATE'],
  ])
})
