import './app.css'
import { Suspense, useEffect, useState, useSyncExternalStore } from 'react'
import { useKeys, type Keys } from './keys.ts'
import { useModel, usePanel } from './model/use-panel.ts'
import { go, useRoute } from './route.ts'
import { themeStore } from './theme.ts'
import { KeyHelp } from './views/key-help.tsx'
import { loadAll } from './views/lazy-view.tsx'
import { LinkNotice } from './views/link-notice.tsx'
import { NoEntry } from './views/no-entry.tsx'
import { Rail } from './views/rail.tsx'
import { VitalStrip } from './views/vital-strip.tsx'
import { useTab } from './views/use-tab.ts'
import { VIEWS } from './views/views.tsx'

/** The page: rail, vital strip, and the view named by the address. */
export function App({ retryNow }: { retryNow: () => void }) {
  const model = useModel()
  const route = useRoute()
  const link = usePanel(view => view.link)
  const isPaused = usePanel(view => view.isPaused)
  const theme = useSyncExternalStore(themeStore.subscribe, themeStore.get)
  const isHeard = usePanel(view => view.state.seq > 0 || view.stat !== null)
  const [isHelpOpen, setHelpOpen] = useState(false)
  const view = VIEWS.find(candidate => candidate.id === route.view) ?? VIEWS[0]!
  const keys: Record<string, Keys[string]> = {
    p: () => model.pause(!isPaused),
    t: () => themeStore.next(),
    '?': () => setHelpOpen(true),
  }
  for (const each of VIEWS) keys[each.key] = () => go(each.id)
  useKeys(keys)
  useTab()
  // Only then: what is asked first is answered first.
  useEffect(() => (isHeard ? whenIdle(loadAll) : undefined), [isHeard])
  if (link.state === 'unauthorized') return <NoEntry reason={link.reason} />
  return (
    <div className="app">
      <Rail current={view.id} theme={theme} onHelp={() => setHelpOpen(true)} />
      <VitalStrip />
      <div className="app-main">
        <LinkNotice retryNow={retryNow} />
        <Suspense fallback={null}>{view.render()}</Suspense>
      </div>
      <KeyHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  )
}

/** After what is on the screen, and at the latest after two seconds. Returns what calls it off. */
function whenIdle(work: () => void): () => void {
  const idle = requestIdleCallback(work, { timeout: 2_000 })
  return () => cancelIdleCallback(idle)
}
