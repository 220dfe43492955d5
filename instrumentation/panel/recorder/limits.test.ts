import { expect, test } from 'vitest'
import { forEachText, isA } from '../../model/codec.ts'
import { expectNothingUncounted, factsOf, record, recorder, ringRows, speaker } from '../testing/recording.ts'

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
  const told = factsOf('statementStart', ringRows()).filter(({ request }) => request === 'u1')
  const ended = factsOf('statementEnd', ringRows())
  const omitted = factsOf('statementsOmitted', ringRows())
  expect([told.length, ended.length, recorder.statementsOmitted]).toEqual([500, 500, 734])
  expect(omitted.map(({ total }) => total)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 734])
  expect(isA('requestEnd', ringRows().at(-1)!)).toBe(true)
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
  const text = factsOf('statementStart', ringRows())[0]?.text
  expect(text?.length).toBe(4 * 1024 + 1)
  expect(text?.endsWith('…')).toBe(true)
})
