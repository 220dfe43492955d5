import { count, duration } from '../../instrumentation/model/format.ts'
import type { Query } from '../../instrumentation/model/queries.ts'

const HOW = {
  once: 'once',
  serial: 'each after the answer to the one before',
  'at once': 'several of them at once',
} as const

/** What is most worth saying of a query, in one or two sentences. */
export function queryVerdict(query: Query): string {
  const { worst, requests, duplicates, queuedMs, waitedMs, totalMs } = query
  const says: string[] = []
  if (duplicates > 0)
    says.push(
      `${duplicates.toLocaleString('en')} of ${query.count.toLocaleString('en')} repeat an earlier one of their request: ` +
        `${worst.request.label} ${worst.request.id} sends it ${count(worst.count, 'time')}, ${HOW[worst.manner]}.`,
    )
  else says.push(`Sent ${count(query.count, 'time')} in ${count(requests, 'request')}.`)
  const [most, where] =
    waitedMs > queuedMs
      ? [waitedMs, 'for a connection']
      : [queuedMs, 'behind other statements of their sessions']
  if (most > 1 && most > totalMs)
    says.push(
      `They waited ${duration(most)} ${where}, longer than the ${duration(totalMs)} in which they ran.`,
    )
  return says.join(' ')
}
