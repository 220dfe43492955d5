import { expect } from 'vitest'
import type { ChannelMessages } from '../channels/channels.ts'
import type { Observed } from './watched-app.ts'

type Start<N extends 'checkout' | 'statement' | 'transaction'> = Extract<
  ChannelMessages[`enginelight:${N}`],
  { phase: 'start' }
>

const MARK = /\w+-\d+@\d+\.\d+/

/** One marked statement, as it was told of and as it was. */
export interface Told {
  mark: string
  request: string | null
  line: string | null
  backendPid: number | null
}

/**
 * Compares everything that was told with the truth: each marked statement with the request and line that its own text
 * names and the pid that the server answered, each check-out, transaction and statement with one another, and that
 * each that began has ended once. `lines: false` leaves the lines out.
 */
export function expectTruth({ messages, seen }: Observed, file: string, { lines = true } = {}): Told[] {
  const labels = new Map<string, string>()
  const checkouts = new Map<string, Start<'checkout'> & { connection?: string; backendPid?: number | null }>()
  const statements = new Map<string, Start<'statement'>>()
  const transactions = new Map<string, Start<'transaction'>>()
  const ended: string[] = []
  const pids = new Map<string, number | null>()
  for (const message of messages) {
    const isStart = message.phase === 'start'
    if (
      message.phase === 'end' &&
      message.channel !== 'enginelight:request' &&
      message.channel !== 'enginelight:session'
    )
      ended.push(message.id)
    switch (message.channel) {
      case 'enginelight:request':
        if (isStart) labels.set(message.id, message.label.replace('GET /', ''))
        break
      case 'enginelight:checkout':
        if (message.phase === 'start') checkouts.set(message.id, message)
        if (message.phase === 'acquired')
          Object.assign(checkouts.get(message.id) ?? {}, message, { phase: 'start' })
        if (message.phase === 'released' || message.phase === 'failed') ended.push(message.id)
        break
      case 'enginelight:statement':
        if (message.phase === 'start') statements.set(message.id, message)
        break
      case 'enginelight:transaction':
        if (message.phase === 'start') transactions.set(message.id, message)
        break
    }
    if ('backendPid' in message && 'connection' in message) {
      expect(message.backendPid, 'a backend pid').toBeGreaterThan(0)
      if (pids.has(message.connection)) expect(message.backendPid).toBe(pids.get(message.connection))
      pids.set(message.connection, message.backendPid)
    }
  }
  const begun = [...checkouts.keys(), ...statements.keys(), ...transactions.keys()]
  expect(ended.toSorted()).toEqual(begun.toSorted())
  for (const { checkout, connection, backendPid, request } of [
    ...statements.values(),
    ...transactions.values(),
  ]) {
    if (checkout === null) continue
    expect(checkouts.get(checkout)).toMatchObject({ connection, backendPid, request })
  }
  for (const { transaction, checkout } of statements.values())
    if (transaction !== null) expect(transactions.get(transaction)?.checkout).toBe(checkout)

  const told = [...statements.values()].flatMap(({ text, request, site, backendPid }) => {
    const mark = MARK.exec(text)?.[0]
    return mark
      ? [{ mark, request: labels.get(request ?? '') ?? null, line: site?.label ?? null, backendPid }]
      : []
  })
  const truth = told.map(({ mark, line, backendPid }) => ({
    mark,
    request: mark.split('@')[0] as string,
    line: lines ? `${file}:${/@(\d+)/.exec(mark)?.[1]}` : line,
    backendPid: seen.find(row => row.mark === mark)?.pid ?? backendPid,
  }))
  expect(told).toEqual(truth)
  // Every row that came back was told of.
  expect(told.map(one => one.mark)).toEqual(expect.arrayContaining(seen.map(one => one.mark)))
  return told
}
