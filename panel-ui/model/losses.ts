import { count } from '../../instrumentation/model/format.ts'
import type { Stat } from '../../instrumentation/model/protocol.ts'

/**
 * What is missing although it is recent, one sentence each. Events that were let go because they are old are not: the
 * recorder holds the last ones, as it is meant to.
 */
export function lossesOf({ dropped, failures = 0 }: Stat): string[] {
  const losses: string[] = []
  if (dropped.statements > 0)
    losses.push(
      `${count(dropped.statements, 'statement')} beyond the limit of their requests, summed by text and line: raise \`limits.statementsPerRequest\` of the panel to see each.`,
    )
  if (dropped.page > 0)
    losses.push(
      `${count(dropped.page, 'event')} not sent, because a page was too slow: it was told the present state instead.`,
    )
  if (failures > 0)
    losses.push(`${count(failures, 'message')} that could not be recorded: please report this as a fault.`)
  return losses
}

/** In the strip: what is lost; where nothing is, just that. */
export function lossWord({ dropped, failures = 0 }: Stat): string {
  const lost = dropped.page + failures
  if (lost > 0) return `⚠ lost ${lost.toLocaleString('en')}`
  return dropped.statements > 0 ? `${dropped.statements.toLocaleString('en')} only summed` : 'nothing lost'
}

export const letGoOf = ({ dropped }: Stat): string =>
  dropped.ring === 0
    ? 'Everything since the start is still held.'
    : `${count(dropped.ring, 'event')} let go because they were old: nothing recent is missing for that.`

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** An estimate from a sample; below what it can tell apart it says so. */
export const costWord = ({ ownCost }: Stat): string => (ownCost < 0.0005 ? '< 0.1 %' : percent(ownCost))

export function costSentence({ ownCost, cpu }: Stat): string {
  const own = `The panel used about ${percent(ownCost)} of one core in the last second (estimated from a sample)`
  return cpu === undefined
    ? `${own}. What the whole process used is unknown.`
    : `${own}; the whole process used ${percent(cpu)}.`
}
