import type { SessionState } from '../channels/words.ts'
import type { Engine } from '../engines/engine.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import type { SessionIdentity } from './held-connection.ts'

/** What `console.log` shows of a session. */
interface Shown {
  readonly engine: string
  readonly state: SessionState
  readonly request: string
  readonly connection?: string
  readonly backendPid?: number | null
  readonly since?: string
}

/** What is shown of a session: its state, and the connection it holds since which line. */
export function shownOf({ id, engine, state, request, identity }: ShownSession): Shown {
  const facts = { engine: engine.name, state, request: `${request.label} (${request.id})` }
  if (!identity) return facts
  const site = engine.holders().find(({ session }) => session === id)?.site
  const { connection, backendPid } = identity
  return { ...facts, connection, backendPid, ...(site ? { since: site } : {}) }
}

interface ShownSession {
  readonly id: string
  readonly engine: Engine
  readonly state: SessionState
  readonly request: RequestScope
  readonly identity: SessionIdentity | undefined
}

/** The same in a few words, as a container shows it. */
export function summaryOf(session: ShownSession): string {
  const { state, connection, backendPid, since } = shownOf(session)
  const held = connection === undefined ? '' : ` on ${connection} (pid ${String(backendPid)})`
  return `${state}${held}${since === undefined ? '' : ` since ${since}`}`
}
