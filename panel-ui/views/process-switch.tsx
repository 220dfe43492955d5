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
  const pid = `${facts.pid}${facts.thread > 0 ? `.${facts.thread}` : ''}`
  const name = facts.worker === null ? facts.application : `worker ${facts.worker}`
  return (
    <button
      type="button"
      aria-pressed={isShown}
      data-ended={endedAt === null ? undefined : ''}
      title={[`${name}, pid ${pid}`, ended, wrong > 0 && `findings: ${wrong}`].filter(Boolean).join(', ')}
      onClick={() => processes.show(facts.boot)}
    >
      <span className="process-name">{name}</span>
      <span className="process-pid">{ended || pid}</span>
      {!ended && wrong > 0 && <b>{wrong}</b>}
    </button>
  )
}
