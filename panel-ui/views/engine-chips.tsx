import './engine-chips.css'
import type { EngineStatus, Request } from '../../instrumentation/model/state.ts'

export const STATUS_GLYPH: Record<EngineStatus, string> = { initialized: '○', started: '◐', ended: '●' }

/** The engines that a request has used, with their status, and how many it has not. */
export function EngineChips({ request }: { request: Request }) {
  const engines = Object.entries(request.engines)
  const used = engines.filter(([, status]) => status !== 'initialized')
  const untouched = engines.filter(([, status]) => status === 'initialized').map(([engine]) => engine)
  return (
    <span className="engine-chips">
      {used.map(([engine, status]) => {
        const isLeft = request.endedAt !== null && status === 'started'
        return (
          <span
            key={engine}
            className="engine-chip"
            data-engine={engine}
            data-status={isLeft ? 'left' : status}
            title={isLeft ? `${engine}: still started after the request ended` : `${engine}: ${status}`}
          >
            <i aria-hidden="true">{STATUS_GLYPH[status]}</i> {engine}
            <span className="visually-hidden"> {status}</span>
          </span>
        )
      })}
      {untouched.length > 0 && (
        <span className="engine-chip" title={`initialized, untouched: ${untouched.join(', ')}`}>
          <i aria-hidden="true">{STATUS_GLYPH.initialized}</i> {untouched.length}
          <span className="visually-hidden"> untouched</span>
        </span>
      )}
    </span>
  )
}
