import { expect, test } from 'vitest'
import { apply } from '../../model/apply.ts'
import { LEDGER_ENTRIES, ledgerOf } from '../../model/ledger.ts'
import { statementSums } from '../../model/statement-sums.ts'
import { emptyState, type PanelState, type Request } from '../../model/state.ts'
import { expectNothingUncounted, factsOf, record, recorder, ringRows, speaker } from '../testing/recording.ts'

const stateNow = (): PanelState =>
  apply(emptyState, ringRows(), id => recorder.history.dictionary.textOf(id) ?? '?')
const requestNow = (): Request => stateNow().requests.get('u1')!

/** Pseudo-random, so that a failure comes again. */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return sides => (state = (state * 48271) % 2147483647) % sides
}

/** A request that sends on three connections, one by one and at once, with gaps, and statements that end after it. */
function traffic(seed: number, statementsPerRequest: number): Request {
  record({ statementsPerRequest })
  speaker.at = 1_000
  speaker.declare()
  const random = dice(seed)
  for (let n = 0; n < 3; n++) speaker.connect(`c${n}`, n)
  speaker.request('u1')
  for (let n = 0; n < 3; n++) {
    speaker.ask(`k${n}`, 'u1')
    speaker.acquire(`k${n}`, `c${n}`)
  }
  const running: string[] = []
  for (let n = 0; n < 300; n++) {
    speaker.statement(`q${n}`, `c${random(3)}`, 'u1', `select ${'abcde'[random(5)]} from t`)
    running.push(`q${n}`)
    speaker.at += random(40) / 7
    while (running.length > random(4)) {
      speaker.statementEnd(running.splice(random(running.length), 1)[0]!)
      speaker.at += random(n % 50 === 0 ? 2_000 : 9) / 3
    }
  }
  speaker.requestEnd('u1')
  const request = requestNow()
  recorder.stop()
  return request
}

test('what is only counted is accounted for like what is kept, to the microsecond', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const all = traffic(seed, 10_000)
    const few = traffic(seed, 20)
    expect([few.statements.length, few.omitted, few.counted.length]).toEqual([20, 280, 5])
    const [expected, ledger] = [ledgerOf(all, all.endedAt!), ledgerOf(few, few.endedAt!)]
    expect(ledger.wall).toBe(expected.wall)
    expect(LEDGER_ENTRIES.reduce((sum, entry) => sum + ledger[entry], 0)).toBe(ledger.wall)
    expect(Math.abs(ledger.executing - expected.executing)).toBeLessThan(60)
    const summed = (request: Request) =>
      statementSums(request)
        .map(({ text, site, total, rows, summedMs, running }) => [
          text,
          site,
          total,
          rows,
          Math.round(summedMs),
          running,
        ])
        .sort()
    expect(summed(few)).toEqual(summed(all))
  }
})

test('5,000 statements in a loop: the lane executes, the sums are there while it goes on, and few rows are made', () => {
  record()
  speaker.declare()
  speaker.connect('c1', 0)
  speaker.request('u1')
  speaker.ask('k1', 'u1')
  speaker.acquire('k1', 'c1')
  for (let n = 0; n < 5_000; n++) {
    speaker.statement(`q${n}`, 'c1', 'u1')
    speaker.at += 2
    speaker.statementEnd(`q${n}`)
    speaker.at += 0.5
    if (n === 700) {
      const { segments } = [...stateNow().lanes.values()][0]!
      expect(segments.at(-1)).toMatchObject({ phase: 'executing', to: null })
    }
  }
  speaker.requestEnd('u1')
  speaker.release('k1', 'c1')
  const request = requestNow()
  const [sum] = statementSums(request)
  expect(statementSums(request)).toHaveLength(1)
  expect(sum).toMatchObject({ total: 5_000, running: 0, engine: 'writer', within: 'placeOrder' })
  expect(sum!.spentMs).toBeCloseTo(10_000, 3)
  expect(ledgerOf(request, request.endedAt!)).toMatchObject({ executing: 10_000_000, application: 0 })
  const counted = [...factsOf('statementsCounted', ringRows()), ...factsOf('executionCounted', ringRows())]
  expect(counted.length).toBeLessThan(10)
  expect(recorder.failures).toBe(0)
})

test('a statement beyond the limit that fails is kept, and taken out of the sums', () => {
  record({ statementsPerRequest: 2 })
  speaker.connect('c1', 0)
  speaker.request('u1')
  for (let n = 0; n < 10; n++) {
    speaker.statement(`q${n}`, 'c1', 'u1')
    speaker.at += 1
    speaker.statementEnd(
      `q${n}`,
      n === 7 ? { type: 'error', code: '23505', message: 'unique_violation' } : null,
    )
  }
  speaker.requestEnd('u1')
  const request = requestNow()
  expect(request.statements.map(({ id, error }) => [id, error?.code])).toEqual([
    ['q0', undefined],
    ['q1', undefined],
    ['q7', '23505'],
  ])
  expect(statementSums(request)[0]).toMatchObject({ total: 10, failed: 1 })
  expect(ledgerOf(request, request.endedAt!).executing).toBe(10_000)
})

test('texts beyond the number of sums are one sum: nothing is left out', () => {
  record({ statementsPerRequest: 1 })
  speaker.request('u1')
  for (let n = 0; n < 400; n++) {
    speaker.statement(`q${n}`, 'c1', 'u1', `select c${n} from t`)
    speaker.statementEnd(`q${n}`)
  }
  speaker.requestEnd('u1')
  const sums = statementSums(requestNow())
  expect(sums.reduce((sum, { total }) => sum + total, 0)).toBe(400)
  expect(sums.filter(({ text }) => text === null)).toMatchObject([{ total: 299, site: null }])
})

test('literals are in no sum, and make the values of a statement different', () => {
  record({ statementsPerRequest: 1 })
  speaker.request('u1')
  for (let n = 0; n < 10; n++) {
    speaker.statement(`q${n}`, 'c1', 'u1', `select 'secret${n % 4}' /* ${n} */`, 0)
    speaker.statementEnd(`q${n}`)
  }
  speaker.requestEnd('u1')
  expect(JSON.stringify(requestNow())).not.toContain('secret')
  expect(requestNow().counted).toMatchObject([{ total: 9, distinct: 4 }])
})

test('rows of sums are held or counted as dropped', () => {
  record({ ringBytes: 16 * 1024, keptBytes: 16 * 1024, statementsPerRequest: 3 })
  speaker.declare()
  for (let n = 0; n < 300; n++) {
    speaker.request(`u${n}`)
    for (let i = 0; i < 12; i++) {
      speaker.statement(`q${n}.${i}`, 'c1', `u${n}`, `select ${'abc'[i % 3]}`)
      speaker.at += n % 7 === 0 ? 80 : 1
      speaker.statementEnd(`q${n}.${i}`)
    }
    speaker.requestEnd(`u${n}`)
  }
  expectNothingUncounted()
})

test('a page that comes late knows each sum and each stretch once, of a request that runs', () => {
  record({ ringBytes: 16 * 1024, keptBytes: 16 * 1024, statementsPerRequest: 3 })
  speaker.declare()
  for (let n = 0; n < 3; n++) speaker.connect(`c${n}`, n)
  speaker.request('u1')
  for (let n = 0; n < 60; n++) {
    speaker.statement(`q${n}`, `c${n % 3}`, 'u1', `select ${'abc'[n % 3]}`)
    speaker.at += 1
    speaker.statementEnd(`q${n}`)
    if (n % 20 === 19) speaker.at += 1_000
  }
  speaker.session('s1', 'u1')
  speaker.requestEnd('u1')
  // Held: it has a connection that was not given back.
  speaker.request('u2')
  speaker.ask('k2', 'u2')
  speaker.acquire('k2', 'c1')
  for (let n = 0; n < 60; n++) {
    speaker.statement(`r${n}`, 'c1', 'u2', `select ${'abc'[n % 3]}`)
    speaker.at += 1
    speaker.statementEnd(`r${n}`)
    if (n % 20 === 19) speaker.at += 1_000
  }
  speaker.requestEnd('u2')
  const texts = (id: number) => recorder.history.dictionary.textOf(id) ?? '?'
  const late = apply(emptyState, recorder.history.asOfNow().rows, texts).requests.get('u2')!
  expect(late.counted.map(({ part, text, total }) => [part, text, total])).toEqual([
    [0, 'select a', 19],
    [1, 'select b', 19],
    [2, 'select c', 19],
  ])
  expect(late.stretches.filter(({ connection }) => connection === null).map(({ total }) => total)).toEqual([
    17, 20, 20,
  ])
})
