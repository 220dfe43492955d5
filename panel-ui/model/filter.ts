import type { Time } from '../../instrumentation/model/rows.ts'
import type { PanelState } from '../../instrumentation/model/state.ts'

export type Test<T> = (item: T, now: Time) => boolean

/** What can be written before a colon: `engine:writer`. */
export interface Key<T> {
  /** The test for a value; null for a value that it cannot read. */
  test(value: string): Test<T> | null
  /** What it can read: `a status such as 500 or 5xx`. */
  readonly needs: string
  /** The values that occur, to complete what is typed. */
  values(state: PanelState): Iterable<string>
}

/** What a view's filter understands. All views share the form: words, `key:value`, and a `-` in front of either. */
export interface Grammar<T> {
  readonly words: Readonly<Record<string, Test<T>>>
  readonly keys: Readonly<Record<string, Key<T>>>
  /** What a list can be sorted by, with `sort:duration`: numbers from the largest, texts from A; `-sort:` the other way. */
  readonly orders: Readonly<Record<string, (item: T, now: Time) => number | string>>
  /** Where any other word is searched for, in lower case. */
  text(item: T): string
}

export interface Filter<T> {
  /** Whether all words match. */
  readonly matches: Test<T>
  /** By what to sort; null for the list's own order. */
  readonly order: ((a: T, b: T, now: Time) => number) | null
  /** What was not read as it was probably meant, one sentence each. */
  readonly problems: readonly string[]
}

/** Reads a filter. A word that cannot be read is left out, and told. */
export function readFilter<T>(grammar: Grammar<T>, query: string): Filter<T> {
  const tests: Test<T>[] = []
  const problems: string[] = []
  let order: Filter<T>['order'] = null
  for (const word of wordsOf(query.toLowerCase())) {
    // One minus or several, each of which negates again.
    const minuses = /^-+(?=.)/.exec(word)?.[0].length ?? 0
    const isNegated = minuses % 2 === 1
    const { test, by, problem } = readWord(grammar, word.slice(minuses))
    if (by) order = orderOf(by, isNegated)
    if (problem) problems.push(problem)
    if (test) tests.push(isNegated ? (item, now) => !test(item, now) : test)
  }
  return { matches: (item, now) => tests.every(test => test(item, now)), order, problems }
}

export const wordsOf = (query: string): string[] => query.split(/\s+/).filter(Boolean)

interface Read<T> {
  test?: Test<T>
  by?: (item: T, now: Time) => number | string
  problem?: string
}

function readWord<T>(grammar: Grammar<T>, word: string): Read<T> {
  const known = own(grammar.words, word)
  if (known) return { test: known }
  const text: Test<T> = item => grammar.text(item).includes(word)
  // A line of code, `orders.ts:41`, is no key: keys are plain words.
  const [, name, value] = /^([a-z][a-z-]*):(.*)$/.exec(word) ?? []
  if (name === undefined || value === undefined) return { test: text }
  if (name === 'sort') {
    const by = own(grammar.orders, value)
    const orders = Object.keys(grammar.orders).join(', ')
    return by ? { by } : { problem: `${word} is left out: sort: needs one of ${orders}.` }
  }
  const key = own(grammar.keys, name)
  if (!key) {
    const keys = [...Object.keys(grammar.keys), 'sort'].map(each => `${each}:`)
    return { test: text, problem: `${word} is searched for as text: the keys are ${keys.join(', ')}.` }
  }
  const test = key.test(value)
  return test ? { test } : { problem: `${word} is left out: ${name}: needs ${key.needs}.` }
}

const own = <V>(record: Readonly<Record<string, V>>, name: string): V | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined

function orderOf<T>(by: NonNullable<Read<T>['by']>, isReversed: boolean): NonNullable<Filter<T>['order']> {
  const sign = isReversed ? -1 : 1
  return (a, b, now) => sign * compare(by(a, now), by(b, now))
}

const compare = (a: number | string, b: number | string): number =>
  typeof a === 'number' && typeof b === 'number' ? b - a : String(a).localeCompare(String(b), 'en')

export type Sorted = 'first' | 'reversed' | null

/** How a filter sorts by a column; the last word counts. */
export function sortedBy(query: string, column: string): Sorted {
  const last = wordsOf(query).findLast(isSort)
  if (last === `sort:${column}`) return 'first'
  return last === `-sort:${column}` ? 'reversed' : null
}

/** The filter after a click on a column's head: sorted by it, then the other way, then not at all. */
export function nextSort(query: string, column: string): string {
  const sorted = sortedBy(query, column)
  const next = sorted === null ? [`sort:${column}`] : sorted === 'first' ? [`-sort:${column}`] : []
  return [...wordsOf(query).filter(word => !isSort(word)), ...next].join(' ')
}

const isSort = (word: string): boolean => /^-?sort:/.test(word)

/** The filter without a word, or with it. */
export function toggleWord(query: string, word: string): string {
  const words = wordsOf(query)
  return (words.includes(word) ? words.filter(each => each !== word) : [...words, word]).join(' ')
}

const OFFERED = 30

/** What the last word can become: each is the whole filter with that word completed. */
export function completionsOf<T>(grammar: Grammar<T>, query: string, state: PanelState): string[] {
  const start = /\S*$/.exec(query)!.index
  const [, minus, word] = /^(-*)(.*)$/s.exec(query.slice(start).toLowerCase())!
  const [, name, value] = /^([a-z-]+):(.*)$/.exec(word!) ?? []
  const key = name === undefined ? undefined : own(grammar.keys, name)
  const values = name === 'sort' ? Object.keys(grammar.orders) : key?.values(state)
  const candidates = values
    ? [...new Set(values)].filter(v => v.toLowerCase().startsWith(value!)).map(v => `${name}:${v}`)
    : [...[...Object.keys(grammar.keys), 'sort'].map(each => `${each}:`), ...Object.keys(grammar.words)]
  return candidates
    .filter(each => each.startsWith(word!) || values !== undefined)
    .filter(each => each !== word && !/\s/.test(each))
    .slice(0, OFFERED)
    .map(each => query.slice(0, start) + minus + each)
}

/** `>100`, `>=100`, `100`, with `ms` or `s` behind it: at least that many milliseconds. Null for anything else. */
export function atLeastMs(value: string): number | null {
  const [, number, unit] = /^>?=?(\d{1,9}(?:\.\d{1,9})?)(ms|s)?$/.exec(value) ?? []
  return number === undefined ? null : Number(number) * (unit === 's' ? 1000 : 1)
}

/** `>10`, `>=10` or `10`: at least that many. Null for anything else. */
export function atLeast(value: string): number | null {
  const [, number] = /^>?=?(\d{1,9})$/.exec(value) ?? []
  return number === undefined ? null : Number(number)
}

/** The key that all views have: `engine:writer`, also for a part of the name. */
export const engineKey = <T>(enginesOf: (item: T) => Iterable<string>): Key<T> => ({
  test: value =>
    value === '' ? null : item => [...enginesOf(item)].some(engine => engine.toLowerCase().includes(value)),
  needs: 'the name of an engine, or a part of it',
  values: state => state.engines.keys(),
})

/** `slow:>100`. */
export const slowKey = <T>(msOf: (item: T, now: Time) => number): Key<T> => ({
  test: value => {
    const ms = atLeastMs(value)
    return ms === null ? null : (item, now) => msOf(item, now) >= ms
  },
  needs: 'milliseconds such as >100, or seconds such as >1.5s',
  values: () => ['>10', '>100', '>1000'],
})
