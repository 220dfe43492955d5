import { expect, test } from 'vitest'
import { decode, forEachText, kindOf } from './codec.ts'
import { ROWS, type Kind } from './rows.ts'
import { Telling } from './testing/telling.ts'

test('each kind keeps its number and its columns their places: pages of version 1 read them by both', () => {
  const wire = Object.entries(ROWS).map(
    ([kind, { number, columns }]) => `${number} ${kind}: ${Object.keys(columns).join(' ')}`,
  )
  expect(wire).toMatchInlineSnapshot(`
    [
      "1 engine: facts",
      "2 engineClosed: engine",
      "3 connected: id engine pool slot backendPid uses",
      "4 disconnected: id reason",
      "5 connectFailed: engine pool code message",
      "10 requestStart: id kind label attribute engines",
      "11 requestEnd: id outcome status unreleased",
      "20 sessionStart: id engine request mode",
      "21 sessionState: id state",
      "22 sessionEnd: id released statements",
      "23 sessionEnding: id why site",
      "30 checkoutStart: id engine pool request session site frames isLineTaken",
      "31 checkoutAcquired: id connection waitMs",
      "32 checkoutFailed: id code message waitMs holders",
      "33 checkoutReleased: id discarded",
      "34 checkoutDirty: id connection status previousSite",
      "35 checkoutKept: id keptFor",
      "36 checkoutOverdue: id state",
      "40 statementStart: id connection checkout session request transaction text parameters queuedMs site cursor valuesHash within",
      "41 statementEnd: id rows command code message",
      "42 statementsOmitted: id total",
      "43 statementsCounted: id part engine text parameters site within total running failed rows command summedMs spentMs queuedMs firstAt lastAt atOnce connections valuesHash distinct",
      "44 executionCounted: id part connection total busyMs from until",
      "50 transactionStart: id connection checkout session request site",
      "51 transactionEnd: id outcome asked statements",
      "52 transactionFailed: id statement code",
      "53 savepoint: id name action",
      "60 commitStart: id request mode key participants site",
      "61 stepStart: id engine step",
      "62 stepEnd: id engine step durationMs command code message",
      "63 commitEnd: id outcome engines durationMs code message",
      "64 inDoubt: engine gid key ageMs reason",
      "65 recovered: engine gid key ageMs outcome",
      "70 stalled: stalledMs",
      "71 warned: code message",
    ]
  `)
})

test('a fact becomes a row with the numbers of its texts, and the row the same fact', () => {
  const told = new Telling()
  const participants = [
    { engine: 'warehouse', session: 's2', role: 'prepares', gid: 'g' },
    { engine: 'writer', session: 's1', role: 'decides', gid: null },
  ] as const
  const fact = {
    id: 'x1',
    request: 'u1',
    mode: 'two-phase',
    key: '7e57',
    participants,
    site: 'a.ts:1',
  } as const
  const row = told.tell(5, 'commitStart', fact)
  expect(row).toEqual([
    1,
    60,
    5,
    'x1',
    'u1',
    'two-phase',
    '7e57',
    [
      ['warehouse', 's2', 'prepares', 'g'],
      ['writer', 's1', 'decides', null],
    ],
    1,
  ])
  expect(kindOf(row)).toBe('commitStart')
  expect(decode('commitStart', row, told.texts)).toEqual(fact)
})

test('the interned texts of a row are found, whichever of its columns have one', () => {
  const told = new Telling()
  const hold = {
    id: 'k1',
    engine: 'writer',
    pool: 'writer#1',
    request: null,
    session: null,
    isLineTaken: true,
  }
  const texts = (row: ReturnType<typeof told.tell>) => {
    const found: string[] = []
    forEachText(row, id => found.push(told.texts(id)))
    return found
  }
  expect(texts(told.tell(1, 'checkoutStart', { ...hold, site: 'a.ts:1', frames: 'a\nb' }))).toEqual([
    'a.ts:1',
    'a\nb',
  ])
  expect(texts(told.tell(1, 'checkoutStart', { ...hold, site: null, frames: null }))).toEqual([])
  expect(texts(told.tell(1, 'checkoutReleased', { id: 'k1', discarded: 'cut at close' }))).toEqual([
    'cut at close',
  ])
  expect(texts(told.tell(1, 'checkoutAcquired', { id: 'k1', connection: 'c1', waitMs: 7 }))).toEqual([])
  expect(kindOf([1, 99, 1])).toBe(undefined)
})

test('what lasts has one kind that begins it, and one that ends it', () => {
  const lives = (does: string) =>
    (Object.keys(ROWS) as Kind[]).map(kind => ROWS[kind].life).filter(life => life.startsWith(does))
  const things = (does: string) => lives(does).map(life => life.split(' ')[1])
  expect(new Set(things('begins')).size).toBe(things('begins').length)
  expect(new Set(things('ends'))).toEqual(new Set(things('begins')))
})
