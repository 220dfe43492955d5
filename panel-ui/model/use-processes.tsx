import { createContext, use, useSyncExternalStore, type ReactNode } from 'react'
import type { Processes, ProcessesView } from './processes.ts'
import { PanelContext } from './use-panel.ts'

export const ProcessesContext = createContext<Processes | null>(null)

export function useProcesses(): Processes {
  const processes = use(ProcessesContext)
  if (!processes) throw new Error('A view was drawn outside of ProcessesContext.')
  return processes
}

export function useProcessesView(): ProcessesView {
  const processes = useProcesses()
  return useSyncExternalStore(processes.subscribe, processes.view)
}

/**
 * What is inside speaks of the process that is shown, and begins anew with each: nothing that it remembers of one, an id
 * least of all, is looked for in another.
 */
export function ShownProcess({ children }: { children: ReactNode }) {
  const { nobody } = useProcesses()
  const { shown } = useProcessesView()
  return (
    <PanelContext key={shown?.facts.boot ?? ''} value={shown?.model ?? nobody}>
      {children}
    </PanelContext>
  )
}
