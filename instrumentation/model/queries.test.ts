import { expect, test } from 'vitest'
import { fingerprintOf } from './fingerprint.ts'
import { queriesOf, requestsWith } from './queries.ts'
import { duplicatesIn, queriesIn } from './request-queries.ts'
import { recorded } from './testing/fixture.ts'

test('texts that differ in values, blanks, comments, case or the length of a list have one normal form', () => {
  const same = (...texts: string[]) => expect(new Set(texts.map(fingerprintOf)).size, texts[0]).toBe(1)
  same(
    'select * from t where id = $1',
    'SELECT *\n  FROM t /* why */ WHERE id = $2',
    "select * from t where id = 'x'",
  )
  same(
    'select 1 from t where id in ($1)',
    'select 1 from t where id in ($1, $2, $3)',
    'select 1 from t where id in (1,2)',
  )
  same('insert into t values ($1, $2)', 'insert into t values ($1, $2), ($3, $4), ($5, $6)')
  expect(fingerprintOf('select a from t')).not.toBe(fingerprintOf('select b from t'))
  expect(fingerprintOf('select "A"')).not.toBe(fingerprintOf('select "a"'))
})

const { state } = recorded('exhausted', 16_000)

test('the sums of all requests are the sums of their statements', () => {
  const { queries, statements, omitted } = queriesOf(state)
  const all = [...state.requests.values()].flatMap(request => request.statements)
  const total = (of: (query: (typeof queries)[number]) => number) =>
    queries.reduce((sum, q) => sum + of(q), 0)
  expect(total(({ count }) => count)).toBe(all.length)
  expect(statements).toBe(all.length)
  expect(omitted).toBe([...state.requests.values()].reduce((sum, request) => sum + request.omitted, 0))
  expect(total(({ rows }) => rows)).toBe(all.reduce((sum, { rows }) => sum + (rows ?? 0), 0))
  expect(total(({ failed }) => failed)).toBe(all.filter(({ error }) => error).length)
  const executing = all.reduce((sum, s) => sum + (s.endedAt === null ? 0 : s.endedAt - s.startedAt), 0)
  expect(total(({ totalMs }) => totalMs)).toBeCloseTo(executing, 3)
})

test('the worst request of a query is the one that sent it most often', () => {
  const { queries } = queriesOf(state)
  const repeated = queries
    .filter(({ isControl }) => !isControl)
    .toSorted((a, b) => b.duplicates - a.duplicates)[0]!
  expect(repeated.duplicates).toBeGreaterThan(0)
  const [worst] = requestsWith(state, repeated.key)
  expect(worst).toEqual(repeated.worst)
  expect(Math.max(...requestsWith(state, repeated.key).map(({ count }) => count))).toBe(repeated.worst.count)
})

test('duplicates are what repeats an earlier statement of the request; a loop is serial, a burst is not', () => {
  const request = [...state.requests.values()].find(
    each => each.label === 'GET /orders' && each.endedAt !== null,
  )!
  const [first] = request.statements.filter(({ text }) => text.startsWith('select'))
  const sent = (times: readonly [from: number, to: number, queued: number][]) => ({
    ...request,
    statements: times.map(([from, to, queuedMs], at) => ({
      ...first!,
      id: `q${at}`,
      startedAt: from,
      endedAt: to,
      queuedMs,
    })),
  })
  const manner = (times: readonly [number, number, number][]) => queriesIn(sent(times))[0]!.manner
  expect(manner([[0, 5, 0]])).toBe('once')
  expect(
    manner([
      [0, 5, 0],
      [5, 9, 0],
      [10, 12, 0],
    ]),
  ).toBe('serial')
  expect(
    manner([
      [0, 5, 0],
      [1, 6, 0],
    ]),
  ).toBe('at once')
  // In one session the second waits for its turn, but was asked for at once.
  expect(
    manner([
      [0, 5, 0],
      [5, 9, 5],
    ]),
  ).toBe('at once')
  expect(
    duplicatesIn(
      sent([
        [0, 1, 0],
        [1, 2, 0],
        [2, 3, 0],
      ]),
    ),
  ).toEqual({ duplicates: 2, of: 3 })
})

test('statements beyond the limit are in the sums of their text and line; what has no text is only a number', () => {
  const request = [...state.requests.values()].find(each => each.statements.length > 0)!
  const [first] = request.statements
  const counted = {
    part: 0,
    engine: first!.engine,
    text: first!.text,
    parameters: 1,
    site: first!.site,
    within: null,
    total: 200,
    running: 0,
    failed: 3,
    rows: 200,
    command: 'SELECT',
    summedMs: 400,
    spentMs: 400,
    queuedMs: 0,
    firstAt: 0,
    lastAt: 500,
    atOnce: 1,
    connections: 1,
    valuesHash: null,
    distinct: 0,
  }
  const rest = { ...counted, part: 1, text: null, site: null, total: 50 }
  const long = { ...request, statements: [first!], omitted: 250, counted: [counted, rest] }
  const { queries, statements, omitted } = queriesOf({ requests: new Map([[long.id, long]]) })
  expect([statements, omitted, queries.length]).toEqual([201, 50, 1])
  expect(queries[0]).toMatchObject({ count: 201, failed: 3, worst: { count: 201, manner: 'serial' } })
})

test('the wait for a connection is of the statement that needs it, and not of the BEGIN before it', () => {
  const { queries } = queriesOf(state)
  expect(queries.filter(({ isControl, waitedMs }) => isControl && waitedMs > 0)).toEqual([])
  expect(queries.some(({ waitedMs }) => waitedMs > 100)).toBe(true)
})
