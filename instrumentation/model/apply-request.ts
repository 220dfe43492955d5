import type { Draft, Reducer, Writable } from './draft.ts'
import { engineStatus } from './engine-status.ts'
import { NO_CONTEXT, type EngineStatus, type Request } from './state.ts'

export const REQUESTS_KEPT = 500

/** Requests and the sessions in them. */
export const REQUESTS = {
  requestStart(draft, fact, at) {
    const engines: Record<string, EngineStatus> = {}
    for (const name of fact.engines) engines[name] = 'initialized'
    draft.set('requests', fact.id, { ...blank(), ...fact, engines, startedAt: at })
    draft.order.push(fact.id)
    forgetOldest(draft)
  },

  requestEnd(draft, { id, outcome, status, unreleased }, at) {
    const request = draft.edit('requests', id)
    if (!request) return
    request.endedAt = at
    request.outcome = outcome
    request.status = status
    request.unreleased = [...unreleased]
  },

  sessionStart(draft, { id, engine, request: requestId, mode }, at) {
    const request = draft.edit('requests', requestId)
    if (!request) return
    request.sessions.push({ id, engine, mode, state: 'idle', isReleased: false, startedAt: at })
    settleEngine(request, engine)
    draft.set('sessions', id, requestId)
  },

  sessionState(draft, { id, state }) {
    withSession(draft, id, (request, index) => {
      request.sessions[index] = { ...request.sessions[index]!, state }
    })
  },

  sessionEnd(draft, { id, released }) {
    withSession(draft, id, (request, index) => {
      const session = request.sessions[index]!
      request.sessions[index] = { ...session, state: 'ended', isReleased: released }
      settleEngine(request, session.engine)
    })
  },

  statementsOmitted(draft, { id, total }) {
    const request = draft.edit('requests', id)
    if (request) request.omitted = total
  },
} satisfies Partial<Reducer>

/** Updates the engine's status after a change to one of its sessions or check-outs. */
export function settleEngine(request: Writable<Request>, engine: string): void {
  // Work outside of any request has no engines to account for, and never ends.
  if (request.kind === 'no context') return
  const status = engineStatus(request, engine)
  if (request.engines[engine] !== status) request.engines = { ...request.engines, [engine]: status }
}

type Change = (request: Writable<Request>, index: number) => void

function withSession(draft: Draft, id: string, change: Change): void {
  const request = draft.edit('requests', draft.get('sessions', id) ?? null)
  const index = request?.sessions.findIndex(s => s.id === id) ?? -1
  if (request && index >= 0) change(request, index)
}

/**
 * Finished requests are dropped first, oldest first: a running one is what the developer will ask about, and a leak
 * needs its owner's name.
 */
function forgetOldest(draft: Draft): void {
  const { order } = draft
  while (order.length > REQUESTS_KEPT) {
    const finished = order.findIndex(id => {
      const request = draft.get('requests', id)
      return request?.endedAt != null && request.checkouts.every(c => c.endedAt !== null)
    })
    const [id] = order.splice(Math.max(finished, 0), 1)
    for (const session of draft.get('requests', id!)?.sessions ?? []) draft.delete('sessions', session.id)
    draft.delete('requests', id!)
  }
}

/** New lists each time, because a draft changes them in place. */
const blank = (): Request => ({
  id: '',
  kind: 'http',
  label: '',
  attribute: null,
  engines: {},
  startedAt: 0,
  endedAt: null,
  outcome: null,
  status: null,
  unreleased: [],
  sessions: [],
  checkouts: [],
  statements: [],
  transactions: [],
  omitted: 0,
  counted: [],
  stretches: [],
})

/** The id under which to keep what belongs to `request`: its own, or the bucket's for work without a request. */
export function ownerOf(draft: Draft, request: string | null, at: number): string {
  if (request !== null) return request
  if (!draft.get('requests', NO_CONTEXT)) {
    draft.set('requests', NO_CONTEXT, {
      ...blank(),
      id: NO_CONTEXT,
      kind: 'no context',
      label: NO_CONTEXT,
      startedAt: at,
    })
  }
  return NO_CONTEXT
}

const KEPT_PER_REQUEST = 1000

/** Adds to a request's list, and keeps the list bounded. */
export function keep<T>(list: T[], item: T, most = KEPT_PER_REQUEST): void {
  list.push(item)
  if (list.length > most) list.splice(0, list.length - most)
}

/** Replaces an item by its newer version. Items that still change are near the end. */
export function replace<T extends { id: string }>(list: T[], item: T): void {
  const index = list.findLastIndex(other => other.id === item.id)
  if (index >= 0) list[index] = item
}
