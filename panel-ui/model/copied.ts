import { outcomeOf, OUTCOME_WORDS } from '../../instrumentation/findings/outcome.ts'
import { FATE_WORDS, statementsOf } from '../../instrumentation/model/fate.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import { count, duration } from '../../instrumentation/model/format.ts'
import { LEDGER_ENTRIES, type Ledger } from '../../instrumentation/model/ledger.ts'
import { duplicatesIn, queriesIn, type RequestQuery } from '../../instrumentation/model/request-queries.ts'
import type { Request, Statement } from '../../instrumentation/model/state.ts'
import type { Told } from '../../instrumentation/findings/tell-transaction.ts'
import { transactionVerdict } from '../../instrumentation/findings/transaction-verdict.ts'

const LISTED = 40

/**
 * A request as a command line: its method and path as they were recorded. Its headers and body were not. Null for
 * another kind of unit.
 */
export function curlOf(request: Request, applicationUrl: string | null): string | null {
  const [, method, path] = /^([A-Z]{3,10}) (\/\S*)$/.exec(request.label) ?? []
  if (request.kind !== 'http' || method === undefined || path === undefined) return null
  const origin = applicationUrl?.replace(/\/$/, '') ?? 'http://localhost'
  const named = /\/[:*{]/.test(path) ? '# This is the route: fill in its parameters.\n' : ''
  return `${named}curl -X ${method} ${quoted(`${origin}${path}`)}`
}

/** For a shell: nothing in single quotes is read by it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

export function requestMarkdown(
  request: Request,
  ledger: Ledger,
  verdict: string,
  findings: readonly Finding[],
  now: number,
): string {
  const parts = LEDGER_ENTRIES.filter(entry => ledger[entry] > 0)
    .map(entry => `${entry} ${duration(ledger[entry] / 1000)}`)
    .join(', ')
  const { duplicates, of } = duplicatesIn(request)
  return lines([
    `### ${code(request.label)} (${request.id})`,
    '',
    `${request.status ?? request.outcome ?? 'running'}, ${OUTCOME_WORDS[outcomeOf(request, now)]}, ${duration(ledger.wall / 1000)}: ${parts || 'nothing'}.`,
    '',
    verdict,
    ...findings.flatMap(finding => ['', ...findingLines(finding)]),
    '',
    `${count(request.statements.length + request.omitted, 'statement')}${duplicates > 0 ? `, ${duplicates} of ${of} are duplicates` : ''}${request.omitted > 0 ? `; ${request.omitted} only summed` : ''}:`,
    ...fenced(queriesIn(request).map(queryLine)),
  ])
}

export function transactionMarkdown(told: Told, now: number): string {
  const { transaction, request, fate, site } = told
  const { id, engine, connection, startedAt, endedAt } = transaction
  return lines([
    `### Transaction ${id} on ${code(engine)}: ${FATE_WORDS[fate]}`,
    '',
    `${duration((endedAt ?? now) - startedAt)} on ${connection}${request ? `, by ${code(request.label)} (${request.id})` : ''}${site ? `, at ${code(site)}` : ''}.`,
    '',
    transactionVerdict(told),
    ...fenced(statementsOf(transaction, request).map(statementLine)),
  ])
}

export const findingMarkdown = (finding: Finding): string => lines(findingLines(finding))

const findingLines = ({ severity, sentence, why, site }: Finding): string[] => [
  `- **${severity}**: ${sentence}${why === null ? '' : ` ${why}`}${site === null ? '' : ` At ${code(site)}.`}`,
]

const queryLine = ({ text, site, count: times, executingMs, failed, manner }: RequestQuery): string =>
  `${oneLine(text)}  -- ${times > 1 ? `×${times} ${manner}, ` : ''}${duration(executingMs)}${failed > 0 ? `, ${count(failed, 'error')}` : ''}${site ? `, ${site}` : ''}`

const statementLine = ({ text, startedAt, endedAt, error, site }: Statement): string =>
  `${oneLine(text)}  -- ${endedAt === null ? 'running' : duration(endedAt - startedAt)}${error ? `, ${error.code ?? 'error'}` : ''}${site ? `, ${site}` : ''}`

function fenced(statements: readonly string[]): string[] {
  if (statements.length === 0) return []
  const more = statements.length - LISTED
  const shown = statements.slice(0, LISTED)
  if (more > 0) shown.push(`-- and ${more.toLocaleString('en')} more`)
  const fence = fenceFor(shown)
  return ['', `${fence}sql`, ...shown, fence]
}

/** Longer than any run of backticks inside, so that no text ends it. */
function fenceFor(texts: readonly string[]): string {
  let longest = 2
  for (const text of texts) for (const run of text.match(/`+/g) ?? []) longest = Math.max(longest, run.length)
  return '`'.repeat(longest + 1)
}

function code(text: string): string {
  const fence = '`'.repeat(text.includes('`') ? 2 : 1)
  return fence.length === 1 ? `\`${text}\`` : `${fence} ${text.replaceAll('``', '` `')} ${fence}`
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()
const lines = (all: readonly string[]): string => `${all.join('\n')}\n`
