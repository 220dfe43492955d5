import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect } from 'vitest'
import { sessions } from '../adapters/express.ts'
import { listen } from './story.ts'

/** What a handler writes into its SQL, so that the statement itself says where it comes from. */
export interface Marker {
  /** `get-1@57.0`: this request, the line of the test file that calls, and a number. */
  (): string
  /** Columns for a select: the backend's own pid, and the mark. */
  columns(): string
}

export type Handler = (mark: Marker) => Promise<unknown>

interface Seen {
  pid: number
  mark: string
}

type Messages = ReturnType<typeof listen>['messages']

/** What requests did, as messages and as the database answered it. */
export interface Observed {
  messages: Messages
  /** Rows with `pid` and `mark` that handlers returned. */
  seen: Seen[]
  /** What a handler threw, by its name. */
  errors: Record<string, unknown>
}

/**
 * Serves each handler as requests of an Express app with `sessions(engines)` mounted, all at once and each several
 * times, and listens to what is told. A handler returns the rows that it got.
 */
export async function serveAll(
  engines: unknown,
  handlers: Record<string, Handler>,
  { times = 3 } = {},
): Promise<Observed> {
  const seen: Seen[] = []
  const errors: Record<string, unknown> = {}
  const app = express()
  app.use(sessions(engines as never))
  app.get('/:request', (req, res) => {
    const { request } = req.params
    const [name = ''] = request.split('-')
    const run = handlers[name] as Handler
    run(markerOf(request))
      .then(rows => collect(rows, seen))
      .catch((error: unknown) => void (errors[name] = error))
      .finally(() => res.end())
  })
  const server: Server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { messages, stop } = listen('checkout', 'statement', 'transaction', 'request', 'pool')
  try {
    const requests = Array.from({ length: times }, (_, n) =>
      Object.keys(handlers).map(name => `${name}-${n}`),
    )
    await Promise.all(requests.flat().map(async request => (await fetch(`${url}/${request}`)).text()))
    const count = (channel: string, phase: string) =>
      messages.filter(one => one.channel === `enginelight:${channel}` && one.phase === phase).length
    // One that began before, of another test, can end in between.
    await expect.poll(() => count('request', 'end')).toBeGreaterThanOrEqual(requests.flat().length)
    // A stream that was broken off, a statement that timed out: the server is done with it later.
    await expect.poll(() => count('statement', 'end')).toBe(count('statement', 'start'))
  } finally {
    stop()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { messages, seen, errors }
}

function markerOf(request: string): Marker {
  let marks = 0
  const mark = () => `${request}@${lineOfCaller(mark)}.${marks++}`
  const columns = () => `pg_backend_pid() as pid, '${request}@${lineOfCaller(columns)}.${marks++}' as mark`
  return Object.assign(mark, { columns })
}

function lineOfCaller(of: (...args: never[]) => unknown): number {
  const here = {} as { stack: string }
  Error.captureStackTrace(here, of)
  return Number(/:(\d+):\d+\)?$/m.exec(here.stack.split('\n')[1] ?? '')?.[1])
}

function collect(rows: unknown, seen: Seen[]): void {
  if (Array.isArray(rows)) for (const row of rows) collect(row, seen)
  else if (typeof rows === 'object' && rows !== null) {
    if ('pid' in rows && 'mark' in rows) seen.push(rows as Seen)
    else if ('rows' in rows) collect(rows.rows, seen)
  }
}
