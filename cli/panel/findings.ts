import {
  FINDING_KINDS,
  type FindingKind,
  SEVERITIES,
  type Finding,
  type Severity,
} from '../../instrumentation/model/finding.ts'
import { count } from '../../instrumentation/model/format.ts'
import { addToBaseline } from '../../instrumentation/panel/baseline-file.ts'
import { UsageError } from '../usage.ts'
import { findingBlocks, findingJson, headOf, processOf, type Report } from './report.ts'
import { gap, text } from './screen.ts'
import type { Moment } from './watcher.ts'

/** For which findings the command fails. */
export type FailOn = (finding: Pick<Finding, 'kind' | 'severity'>) => boolean

/** What is wrong in the process, as it tells it; 1 if there is one of those to fail on. */
export function findings(moment: Moment, failOn: FailOn, accept?: string): Report {
  const found = moment.findings ?? []
  const known = accept === undefined ? null : addToBaseline(accept, found).entries.length
  const failing = found.filter(failOn)
  return {
    json: {
      process: processOf(moment),
      /** How many `--accept` has in its file now. */
      known,
      findings: found.map(finding => ({ ...findingJson(moment, finding), fails: failOn(finding) })),
    },
    blocks: [
      headOf(moment),
      text(found.length === 0 ? 'Nothing is found to be wrong.' : `${count(found.length, 'finding')}.`),
      ...found.flatMap(finding => [gap, ...findingBlocks(moment, finding)]),
      ...(known === null ? [] : [gap, text(`${count(known, 'known finding')} in ${accept}.`)]),
    ],
    isBad: failing.length > 0,
  }
}

/** Reads `--fail-on leak,n+1,pool-full`: kinds, severities, `any`. Throws a UsageError for another word. */
export function failOnOf(words: string): FailOn {
  const wanted = new Set<string>()
  for (const word of words.split(',').map(dashed)) {
    const kind = BY_WORD.get(word)
    if (kind === undefined && word !== 'any' && !SEVERITIES.includes(word as Severity))
      throw new UsageError(`--fail-on has no ${word || 'empty word'}; there are ${known().join(', ')}.`)
    wanted.add(kind ?? word)
  }
  return ({ kind, severity }) => wanted.has('any') || wanted.has(kind) || wanted.has(severity)
}

/** `pool full` on a command line: `pool-full`. */
export const dashed = (kind: string): string => kind.trim().toLowerCase().replaceAll(' ', '-')

const BY_WORD: ReadonlyMap<string, FindingKind> = new Map(FINDING_KINDS.map(kind => [dashed(kind), kind]))

const known = () => ['any', ...SEVERITIES, ...FINDING_KINDS.map(dashed)]
