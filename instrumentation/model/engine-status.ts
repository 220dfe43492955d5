import type { EngineStatus, Request, Session } from './state.ts'

/**
 * How far an engine got in a request, through sessions or other code: `started` from its first session or check-out,
 * `ended` once its sessions are over and none of its connections is held or waited for.
 */
export function engineStatus(request: Request, engine: string): EngineStatus {
  let status: EngineStatus = 'initialized'
  for (const session of request.sessions) {
    if (session.engine !== engine) continue
    if (isOwing(session, request)) return 'started'
    status = 'ended'
  }
  for (const checkout of request.checkouts) {
    if (checkout.engine !== engine) continue
    if (checkout.state === 'held' || checkout.state === 'waiting') return 'started'
    status = 'ended'
  }
  return status
}

/** A session that ended without a confirmed release is settled by its check-outs, if any were seen. */
function isOwing(session: Session, request: Request): boolean {
  if (session.state !== 'ended') return true
  return !session.isReleased && !request.checkouts.some(c => c.session === session.id)
}
