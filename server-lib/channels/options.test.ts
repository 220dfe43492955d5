import { expect, test } from 'vitest'
import type { EnginelightError } from './errors.ts'
import {
  aFunction,
  ANYTHING,
  BOOLEAN,
  checkOptions,
  milliseconds,
  need,
  notEmpty,
  NUMBER,
  oneOf,
  orFalse,
  required,
  SIGNAL,
  TEXT,
  whole,
  type Asker,
  type Need,
} from './options.ts'

const LAMP: Asker = { name: 'lamp()' }
const refusal = (asker: Asker, options: unknown, needs: Record<string, Need>) => {
  try {
    checkOptions(asker, options, needs)
    return 'taken'
  } catch (error) {
    const { message, option, known, engine, code } = error as EnginelightError
    return { message, option, known, engine, code }
  }
}

test.each<[string, Need, unknown[], unknown[]]>([
  ['anything', ANYTHING, [null, 0, {}], []],
  ['true or false', BOOLEAN, [true, false], [0, 'true', null]],
  ['a number', NUMBER, [-1.5, 0], ['1', Number.NaN, Infinity]],
  ['a text', TEXT, ['', 'x'], [1, null]],
  ['a text with something in it', notEmpty('a text'), ['x'], ['', 1]],
  ['a signal', SIGNAL, [new AbortController().signal], [{}, 1]],
  ['a function', aFunction('a function'), [() => 1], [{}, 'x']],
  ['one of words', oneOf(['on', 'off']), ['on', 'off'], ['On', 1, null]],
  ['a whole number', whole('1 to 3', 1, 3), [1, 3], [0, 4, 1.5, '2', null]],
  ['a time', milliseconds(), [1, 2 ** 31 - 1], [0, -1, 2 ** 31, 1.5, '5', Infinity]],
  ['a time from 0', milliseconds(0), [0], [-1]],
  ['a time or none', orFalse(milliseconds()), [1, false], [0, true]],
])('%s', (_what, need, right, wrong) => {
  for (const value of right) expect(need.is(value), String(value)).toBe(true)
  for (const value of wrong) expect(need.is(value), String(value)).toBe(false)
})

test('an option that is left out or undefined is not asked for, one that is required is', () => {
  expect(refusal(LAMP, {}, { on: BOOLEAN })).toBe('taken')
  expect(refusal(LAMP, { on: undefined }, { on: BOOLEAN })).toBe('taken')
  expect(refusal(LAMP, {}, { on: required(BOOLEAN) })).toMatchObject({
    message: 'lamp(): option on must be true or false, not undefined.',
    option: 'on',
  })
})

test('a name that there is not comes before a value that is wrong, and the first in the table before the others', () => {
  const needs = { on: BOOLEAN, watts: milliseconds() }
  expect(refusal(LAMP, { watts: 'x', on: 1, colour: undefined }, needs)).toEqual({
    message: 'lamp(): there is no option colour; there are on, watts.',
    code: 'EL_CONFIG',
    option: 'colour',
    known: ['on', 'watts'],
    engine: undefined,
  })
  expect(refusal(LAMP, { watts: 'x', on: 1 }, needs)).toMatchObject({ option: 'on' })
})

test.each([null, undefined, 'on', 5, [], () => {}])('%j is no object of options', options => {
  expect(refusal(LAMP, options, { on: BOOLEAN })).toMatchObject({
    message: expect.stringMatching(/^lamp\(\) takes its options as an object with on, not /),
    option: 'options',
  })
})

test('a value is told by its kind alone, unless a row says how', () => {
  expect(refusal(LAMP, { on: 'hunter2' }, { on: BOOLEAN })).toMatchObject({
    message: 'lamp(): option on must be true or false, not a text.',
  })
  const short = need(
    'short',
    () => false,
    value => `one of ${String(value).length}`,
  )
  expect(refusal(LAMP, { name: 'abc' }, { name: short })).toMatchObject({
    message: 'lamp(): option name must be short, not one of 3.',
  })
})

test('options that are the value of an option are named by both', () => {
  const inside = { ...LAMP, within: 'bulb' }
  expect(refusal(inside, 5, { watts: NUMBER })).toMatchObject({
    message: 'lamp(): option bulb must be an object with watts, not 5.',
    option: 'bulb',
  })
  expect(refusal(inside, { wats: 5 }, { watts: NUMBER })).toMatchObject({
    message: 'lamp(): there is no option bulb.wats; there are watts.',
    option: 'bulb.wats',
  })
  expect(refusal(inside, { watts: 'x' }, { watts: NUMBER })).toMatchObject({
    message: 'lamp(): option bulb.watts must be a number, not a text.',
    option: 'bulb.watts',
  })
})

test('an asker has sentences, a code and fields of its own', () => {
  const own: Asker = {
    name: 'unused',
    code: 'EL_PANEL_CONFIG',
    fields: { engine: 'shop' },
    given: value => JSON.stringify(value),
    noObject: (given, known) => `object: ${given}; ${known}`,
    noOption: (option, known) => `option: ${option}; ${known}`,
    wrong: (option, needs, given) => `wrong: ${option}; ${needs}; ${given}`,
  }
  const needs = { on: BOOLEAN, off: BOOLEAN }
  const told = { code: 'EL_PANEL_CONFIG', engine: 'shop' }
  expect(refusal(own, null, needs)).toMatchObject({ ...told, message: 'object: null; on, off' })
  expect(refusal(own, { up: 1 }, needs)).toMatchObject({ ...told, message: 'option: up; on, off' })
  expect(refusal(own, { on: 'x' }, needs)).toMatchObject({
    ...told,
    message: 'wrong: on; true or false; "x"',
  })
})

test('a name that every object has is no option', () => {
  expect(refusal(LAMP, { constructor: 1 }, { on: BOOLEAN })).toMatchObject({ option: 'constructor' })
})
