import type { SessionFacts } from './session-errors.ts'

/** What each message about a session begins with. */
export const messageIds = ({ id, engine, request }: SessionFacts) => ({
  id,
  engine: engine.name,
  request: request.id,
})
