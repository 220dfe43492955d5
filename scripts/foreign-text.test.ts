import { execFileSync } from 'node:child_process'
import type { IncomingMessage } from 'node:http'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { expect, test } from 'vitest'
import { panelAddress } from '../cli/panel/address.ts'
import { failOnOf } from '../cli/panel/findings.ts'
import {
  drawn as drawnForTerminal,
  json as terminalJson,
  table as asTable,
  text as asText,
} from '../cli/panel/screen.ts'
import { inShort } from '../cli/panel/statements.ts'
import { controlOperation } from '../instrumentation/otel/sql/control-operation.ts'
import { querySummary } from '../instrumentation/otel/sql/query-summary.ts'
import { sqlWords } from '../instrumentation/otel/sql/sql-words.ts'
import { parseClientMessage } from '../instrumentation/panel/feed/client-message.ts'
import {
  isHost,
  isOrigin,
  isRange,
  PeerLock,
  refusal,
  TokenLock,
  NameLock,
} from '../instrumentation/panel/locks/index.ts'
import { encodingFor } from '../instrumentation/panel/page/encoding.ts'
import { isOurs } from '../instrumentation/panel/page/mount-path.ts'
import { Dictionary } from '../instrumentation/panel/recorder/dictionary.ts'
import { Ink } from '../instrumentation/panel/recorder/ink.ts'
import { statementText } from '../server-lib/postgres/statement-text.ts'
import { gidParts } from '../instrumentation/findings/in-doubt.ts'
import { tablesOf } from '../instrumentation/model/sql-tables.ts'
import { editorLink } from '../panel-ui/editor.ts'
import { completionsOf } from '../panel-ui/model/filter.ts'
import { queryFilter } from '../panel-ui/model/query-filter.ts'
import { requestFilter, REQUESTS, routeWord } from '../panel-ui/model/request-filter.ts'
import { fingerprintOf } from '../instrumentation/model/fingerprint.ts'
import { emptyState } from '../instrumentation/model/state.ts'
import { elidedSqlTokens, sqlTokens } from '../instrumentation/model/sql-tokens.ts'
import { transactionFilter } from '../panel-ui/model/transaction-filter.ts'
import { labelOf } from '../server-lib/adapters/mount.ts'
import { gidApplication, parseGid } from '../server-lib/commit/gid.ts'
import { withoutCredentials } from '../server-lib/identity/credentials.ts'
import { codeAndMessage, EnginelightError, errorFacts, fullMessage } from '../server-lib/channels/errors.ts'
import { failureText } from '../server-lib/channels/failure-text.ts'
import { parseSite } from '../server-lib/identity/site.ts'
import { literal as sqlLiteral } from '../server-lib/postgres/control.ts'
import { singleStatement } from '../server-lib/postgres/single-statement.ts'
import { statementHeads } from '../server-lib/postgres/statements.ts'
import { withoutWrittenSecrets } from '../server-lib/postgres/written-secrets.ts'
import { literalPattern } from '../server-lib/schema/define-table/like.ts'
import { reduced } from '../server-lib/schema/drift/expression.ts'
import { sameDefault } from '../server-lib/schema/drift/same-default.ts'
import { pieces } from '../server-lib/schema/drift/tokens.ts'
import { readType, withoutBrackets, withoutModifiers } from '../server-lib/schema/from/column-type.ts'
import { expressionKey } from '../server-lib/schema/from/expression-key.ts'
import { shorten } from '../server-lib/schema/naming/shorten.ts'
import { difference } from '../server-lib/schema/types/difference.ts'
import { comment, literal, pascalCase, property } from '../server-lib/schema/types/names.ts'
import { shownMessage } from '../server-lib/channels/shown-message.ts'
import { postgres } from '../server-lib/postgres/dialect.ts'
import { reading } from '../server-lib/postgres/reading.ts'
import { readControl } from '../server-lib/postgres/read-control.ts'
import { isLong } from '../server-lib/testing/seeded.ts'
import { NO_UNITS, translate } from '../server-lib/sharing/transaction-texts.ts'

const root = join(import.meta.dirname, '..')

/** A text of about this length. Most are one piece again and again, some have an end that no match comes to. */
type Pattern = (length: number) => string
const again =
  (piece: string, end = '', begin = ''): Pattern =>
  length =>
    begin + piece.repeat(Math.ceil(length / piece.length)) + end

const PATTERNS: Record<string, Pattern> = {
  letters: again('x'),
  'letters of another script': again('é'),
  digits: again('1'),
  zeros: again('0', 'x'),
  blanks: again(' ', 'x'),
  tabs: again('\t', 'x', 'at'),
  'line ends': again('\r\n', 'x'),
  words: again('a '),
  'single quotes': again("'"),
  'escaped quotes': again("\\'", '', "E'"),
  'double quotes': again('"'),
  'quoted pieces': again(`'a' "b" `),
  backslashes: again('\\'),
  'escaped double quotes': again('\\"', '', 'password:\\"'),
  dollars: again('$'),
  'dollar tags': again('$a$b '),
  'dollar words': again('$a '),
  'comment openings': again('/*'),
  'comments and their ends': again('/*a*/'),
  dashes: again('-'),
  brackets: again('('),
  'square brackets': again('[1] ', 'x'),
  'pairs of brackets': again('()'),
  commas: again(' , '),
  semicolons: again('; '),
  'schemes and at signs': again('a://b:c@'),
  'schemes alone': again('a://'),
  'colons and ports': again('a:1:', 'x'),
  'passwords that are none': again('password '),
  'passwords one after the other': again('password=secret_token='),
  'frames of a stack': again('    at f (', ':1:2'),
  'frames that are no frames': again('\n    at (a:1:1'),
  'selects without an end': again('select ', '', 'insert into t ('),
  'where without an end': again('where '),
  'settings without an end': again('set a = alter role password to '),
}

test('there are more than 32 hostile patterns', () => {
  expect(Object.keys(PATTERNS).length).toBeGreaterThanOrEqual(32)
})

const column = (typeName: string) =>
  ({ typeName, isArray: typeName.endsWith('[]') }) as Parameters<typeof sameDefault>[2]
const withStack = (stack: string) => Object.assign(new Error('x'), { stack })
const ink = new Ink(new Dictionary(1e6), true)
const sent = (text: string) => ({ engine: 'writer', text, parameters: 0, valuesHash: 1 })
const locks = { peer: new PeerLock([]), name: new NameLock([], []) }
const tokens = new TokenLock('a-token-of-my-own')
const request = (text: string, name: string) =>
  ({
    socket: { remoteAddress: '127.0.0.1', localPort: 80 },
    rawHeaders: [name, text, 'Host', text],
    headers: {},
    url: text,
    method: 'GET',
  }) as unknown as IncomingMessage
const around = {
  dialect: postgres,
  isFailed: false,
  isBusy: false,
  policy: 'savepoint',
} as unknown as Parameters<typeof translate>[2]

/** Each function that is given text of foreign length. A new one belongs here. */
const READERS: Record<string, (text: string) => unknown> = {
  errorFacts: text => errorFacts(new Error(text)),
  'errorFacts of the server': text =>
    errorFacts(
      Object.assign(new Error(text), {
        code: '42601',
        severity: text,
        routine: text,
        position: text,
        table: text,
        file: 'nbtinsert.c',
      }),
    ),
  'errorFacts with a name and a code': text =>
    errorFacts(Object.assign(new Error('x'), { name: text, code: text })),
  codeAndMessage: text => codeAndMessage(new EnginelightError('EL_ENDED', text)),
  fullMessage: text => fullMessage(errorFacts(new Error(text, { cause: new Error(text) }))),
  failureText: text => failureText(withStack(text)),
  shownMessage: text => shownMessage(new Error(text)),
  withoutCredentials,
  labelOf: text => labelOf(request(text, 'Host')),
  parseSite,
  'literal of SQL': sqlLiteral,
  singleStatement: text => singleStatement([text, undefined]),
  'singleStatement with values': text => singleStatement([text, ['x']]),
  statementHeads: text => statementHeads(text, false),
  'statementHeads with backslashes': text => statementHeads(text, true),
  readControl,
  translate: text => translate(NO_UNITS, text, around),
  parseGid,
  gidApplication,
  literalPattern,
  shorten,
  difference: text => difference(text, `${text}1`),
  comment: text => comment(text, '  '),
  'literal of TypeScript': literal,
  pascalCase,
  property,
  statementText: text => statementText(text),
  'statementText with parameters': text => statementText(text, 1),
  querySummary,
  sqlWords: text => [...sqlWords(text)].length,
  controlOperation: text => controlOperation(reading, text),
  'ink.label': text => ink.label(text, true),
  'ink.text': text => ink.text(text),
  'ink.shown': text => ink.internShown(ink.shown(sent(text))),
  'ink.valuesHash': text => ink.valuesHash(sent(text), ''),
  parseClientMessage,
  'parseClientMessage with a token': text =>
    parseClientMessage(JSON.stringify({ type: 'auth', token: text })),
  isHost,
  isOrigin,
  isRange,
  'refusal by Host': text => refusal(request(text, 'Host'), locks),
  'refusal by Origin': text => refusal(request(text, 'Origin'), locks),
  'token.admits': text => tokens.admits(text),
  encodingFor,
  'isOurs, a path': isOurs,
  gidParts,
  requestFilter,
  transactionFilter,
  queryFilter,
  'completionsOf, requests': text => completionsOf(REQUESTS, text, emptyState),
  fingerprintOf,
  editorLink: text => editorLink(text, { editor: 'VS Code', from: '/app', to: '/home' }),
  routeWord,
  sqlTokens: text => sqlTokens(text),
  elidedSqlTokens,
  'text of the terminal': text => drawnForTerminal([asText(text)], { width: 80, hasColors: true }),
  'table of the terminal': text =>
    drawnForTerminal([asTable([text], [{ cells: [text], below: [text] }])], { width: 80, hasColors: true }),
  'json of the terminal': text => terminalJson({ text }),
  'statement of the terminal': inShort,
  panelAddress: text => {
    try {
      panelAddress(text, '')
    } catch {
      // No address.
    }
  },
  failOnOf: text => {
    try {
      failOnOf(text)
    } catch {
      // No kind of a finding.
    }
  },
  tablesOf,
}

/** Those whose text is cut before, or comes from a catalogue or from models: an eighth of a megabyte is long for them. */
const SHORT_READERS: typeof READERS = {
  withoutWrittenSecrets,
  pieces,
  reduced,
  ...Object.fromEntries(
    ['int4', 'numeric', 'timestamptz', 'time', 'jsonb', 'text[]', 'text', 'bool'].map(type => [
      `sameDefault of ${type}`,
      (text: string) => [
        sameDefault(text, `${text}1`, column(type)),
        sameDefault(`'${text}'`, `'${text}0'`, column(type)),
      ],
    ]),
  ),
  readType,
  withoutBrackets,
  withoutModifiers,
  expressionKey,
}

function timeOf(run: () => unknown): number {
  const began = performance.now()
  run()
  return performance.now() - began
}

/** Of three runs the shortest: another process makes a run longer, never shorter. */
const shortest = (run: () => unknown): number => Math.min(...[run, run, run].map(timeOf))

const LONG = 1_000_000
/** Below this much a run tells nothing of how it grows: what is quadratic takes seconds at this length. */
const QUICK_MS = 150
const CHEAP_MS = 2
/** Enough for what grows exponentially, which would never come back from more. */
const SHORTEST = 26
/** Eight times the text, and room for caches that are too small and for a garbage collector. */
const RATIO = 8 * 5

/** Tells of a run whose time grows faster than its text. Begins small: what is quadratic must not take minutes. */
function growth(run: (text: string) => unknown, pattern: Pattern, longest = LONG): string | undefined {
  for (const length of [SHORTEST, longest / 64, longest / 8, longest]) {
    const text = pattern(length)
    const took = timeOf(() => run(text))
    if (took < QUICK_MS) {
      // An eighth of a megabyte in this time says enough: what is quadratic needs seconds for it.
      if (length === LONG / 8 && took > CHEAP_MS && !isLong) return undefined
      continue
    }
    const shorter = pattern(length / 8)
    // Twice more where it looks bad: another process, or a garbage collector, can strike one of the two alone.
    let long = took
    let ratio = long / shortest(() => run(shorter))
    for (let round = 0; ratio > RATIO && round < 2; round++) {
      long = Math.min(
        long,
        timeOf(() => run(text)),
      )
      ratio = Math.min(ratio, long / shortest(() => run(shorter)))
    }
    if (long > QUICK_MS && ratio > RATIO)
      return `${Math.round(long)} ms for ${Math.round(length)} characters, ${Math.round(ratio)} times those of an eighth`
  }
  return undefined
}

test.each([
  ...Object.entries(READERS).map(([name, read]) => [name, read, LONG] as const),
  ...Object.entries(SHORT_READERS).map(([name, read]) => [name, read, LONG / 8] as const),
])(
  '%s reads in linear time',
  (_name, read, longest) => {
    const found = Object.entries(PATTERNS).flatMap(([name, pattern]) => {
      const grown = growth(read, pattern, longest)
      return grown === undefined ? [] : [`${name}: ${grown}`]
    })
    expect(found).toEqual([])
  },
  120_000,
)

/** What is shipped: all but tests, what only they use, and the pictures of the panel. */
const sources = execFileSync('git', ['ls-files', 'server-lib', 'instrumentation', 'cli', 'panel-ui'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter(
    path => /\.tsx?$/.test(path) && !/\.test(?:-d)?\.tsx?$|\/(?:testing|scenarios|recorded)\//.test(path),
  )

interface Found {
  readonly where: string
  readonly regex: RegExp
}

function regexesIn(path: string): { literals: Found[]; made: string[] } {
  const text = readFileSync(join(root, path), 'utf8')
  const literals: Found[] = []
  const made: string[] = []
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    if (Array.isArray(node)) return node.forEach(visit)
    const { type, regex, callee, start } = node as {
      type?: string
      regex?: { pattern: string; flags: string }
      callee?: { name?: string }
      start: number
    }
    const where = () => `${path}:${text.slice(0, start).split('\n').length}`
    if (regex)
      literals.push({
        where: `${where()} /${regex.pattern}/${regex.flags}`,
        regex: new RegExp(regex.pattern, regex.flags),
      })
    if ((type === 'NewExpression' || type === 'CallExpression') && callee?.name === 'RegExp') made.push(path)
    Object.values(node).forEach(visit)
  }
  visit(parseSync(path, text).program)
  return { literals, made }
}

const regexes = sources.map(regexesIn)

/** All matches of a text, as `replace`, `split` and `matchAll` look for them; of a sticky one from each place. */
function matchAll(regex: RegExp): (text: string) => void {
  if (!regex.sticky) {
    const global = new RegExp(regex.source, regex.flags.includes('g') ? regex.flags : `${regex.flags}g`)
    return text => void text.replace(global, '')
  }
  return text => {
    regex.lastIndex = 0
    for (let at = 0; at < text.length; at = Math.max(at + 1, regex.lastIndex)) {
      regex.lastIndex = at
      regex.test(text)
    }
  }
}

/** Of a regular expression's own characters and words: what it is nearest to matching. */
function patternsOf({ source }: RegExp): Pattern[] {
  const plain = source.replace(/\\[a-z]/gi, ' ')
  const words = [...new Set(plain.match(/[A-Za-z]+/g) ?? [])]
  const signs = [...new Set(plain.replace(/\w|\s|[\\^$|?*+]/g, ''))]
  const pieces = [...words, ...signs, ...words.slice(0, 6).flatMap(word => [`${word} `, `${word}(`])]
  return [
    ...pieces.flatMap(piece => [again(piece), again(piece, '\n\u0001'), again(' ', '\u0001', piece)]),
    ...signs.flatMap(sign => [again('x', sign), again('0', sign), again(' ', sign, 'x')]),
    ...words
      .slice(0, 3)
      .flatMap(word => signs.slice(0, 8).map(sign => again(` ${sign}`, '\u0001', `${word} `))),
  ]
}

test('no regular expression of what is shipped takes more than linear time, wherever it is used', () => {
  const all = regexes.flatMap(({ literals }) => literals)
  expect(all.length).toBeGreaterThan(100)
  const found = all.flatMap(({ where, regex }) => {
    const run = matchAll(regex)
    for (const pattern of [...Object.values(PATTERNS), ...patternsOf(regex)]) {
      const grown = growth(run, pattern, 32_000)
      if (grown !== undefined) return [`${where}: ${grown}`]
    }
    return []
  })
  expect(found).toEqual([])
}, 120_000)

test('a regular expression is made from text in these files alone, each of bounded length', () => {
  expect(regexes.flatMap(({ made }) => made).toSorted()).toEqual([
    // Of fixed parts.
    'server-lib/commit/gid.ts',
    // Of the words that control transactions.
    'server-lib/postgres/read-control.ts',
    // The application's own.
    'server-lib/schema/reflect/choose.ts',
  ])
})
