import './engine-chips.css'
import type { EngineStatus, Request } from '../../instrumentation/model/state.ts'

export const STATUS_GLYPH: Record<EngineStatus, string> = { initialized: '○', started: '◐', ended: '●' }

/** The status of each engine in a request. */
export function EngineChips({ request }: { request: Request }) {
  return (
    <span className="engine-chips">
      {Object.entries(request.engines).map(([engine, status]) => {
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
    </span>
  )
}
