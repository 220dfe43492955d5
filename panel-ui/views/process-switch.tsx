import './process-switch.css'
import { useSyncExternalStore } from 'react'
import type { Watched } from '../model/processes.ts'
import { useProcesses, useProcessesView } from '../model/use-processes.tsx'

/** All processes of the project, with how much is wrong in each. */
export function ProcessSwitch() {
  const { all, shown } = useProcessesView()
  return (
    <ul className="processes" aria-label="Processes">
      {all.map(watched => (
        <li key={watched.facts.boot}>
          <ProcessButton watched={watched} isShown={watched.facts.boot === shown?.facts.boot} />
        </li>
      ))}
    </ul>
  )
}

function ProcessButton({
  watched: { facts, model, endedAt },
  isShown,
}: {
  watched: Watched
  isShown: boolean
}) {
  const processes = useProcesses()
  const wrong = useSyncExternalStore(
    model.subscribe,
    () => model.view().findings?.filter(({ isOver, severity }) => !isOver && severity !== 'note').length ?? 0,
  )
  const ended = endedAt !== null && `ended ${new Date(endedAt).toLocaleTimeString('en-GB')}`
  return (
    <button
      type="button"
      aria-pressed={isShown}
      data-ended={endedAt === null ? undefined : ''}
      onClick={() => processes.show(facts.boot)}
    >
      <span>
        {facts.worker === null ? '' : `worker ${facts.worker} · `}pid {facts.pid}
        {facts.thread > 0 && ` · thread ${facts.thread}`}
      </span>
      {ended ? <small>{ended}</small> : wrong > 0 && <b title="Findings">{wrong}</b>}
    </button>
  )
}
