import type { SqlGrammar } from '../dialect/scan-sql.ts'

/** Where nothing tells whether `standard_conforming_strings` is on, as with a text that is only shown. */
export const POSTGRES: SqlGrammar = {
  nestedComments: true,
  hashComments: false,
  dollars: true,
  doubleQuotes: 'name',
  backticks: false,
  backslashes: 'unknown',
  prefixes: new Map([
    ['e', 'escapes'],
    ['b', 'stays'],
    ['x', 'stays'],
    ['u&', 'stays'],
    ['n', 'as in a plain string'],
  ]),
}

/** `standard_conforming_strings` is on, as it is by default. */
export const CONFORMING: SqlGrammar = { ...POSTGRES, backslashes: 'never' }

/** `standard_conforming_strings` is off. */
export const ESCAPING: SqlGrammar = { ...POSTGRES, backslashes: 'always' }
