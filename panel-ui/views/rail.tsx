import './rail.css'
import { age } from '../../instrumentation/model/format.ts'
import { tallyOf } from '../model/finding-index.ts'
import { useNow, usePanel } from '../model/use-panel.ts'
import { useProcessesView } from '../model/use-processes.tsx'
import { write } from '../route.ts'
import { themeStore, type Theme } from '../theme.ts'
import { ProcessSwitch } from './process-switch.tsx'
import { VIEWS } from './views.tsx'

/** Links to the views, and which process this is. */
export function Rail({ current, theme, onHelp }: { current: string; theme: Theme; onHelp: () => void }) {
  return (
    <nav className="rail" aria-label="Views">
      <a className="rail-brand" href={write(VIEWS[0]!.id)} aria-label="Enginelight">
        <i className="lamp" />
        <span>Enginelight</span>
      </a>
      <ul>
        {VIEWS.map(view => (
          <li key={view.id}>
            <a
              className="rail-link"
              href={write(view.id)}
              title={view.title}
              aria-current={view.id === current ? 'page' : undefined}
            >
              {view.icon}
              <span>{view.title}</span>
              {view.id === VIEWS[0]!.id && <FindingsCount />}
              <kbd aria-hidden="true">{view.key}</kbd>
            </a>
          </li>
        ))}
      </ul>
      <div className="rail-foot">
        <Process />
        <div className="rail-buttons">
          <button
            type="button"
            onClick={() => themeStore.next()}
            aria-label={`Theme: ${theme}. Change it`}
            title="Theme (t)"
          >
            <i className="theme-mark" data-theme-choice={theme} />
            <span>{theme}</span>
          </button>
          <button type="button" onClick={onHelp} aria-label="Keys" title="Keys (?)">
            <kbd>?</kbd>
            <span>keys</span>
          </button>
        </div>
      </div>
    </nav>
  )
}

/** How many things are wrong; if none is, how many were. */
function FindingsCount() {
  const findings = usePanel(view => view.findings)
  const { now, worst, over } = tallyOf(findings ?? [])
  if (now + over === 0) return null
  const said = now > 0 ? `${now} wrong right now` : `${over} over`
  return (
    <em
      className="rail-count"
      data-worst={worst ?? 'none'}
      role="img"
      aria-label={said}
      title={now > 0 ? `${said}, ${over} over` : said}
    >
      {now > 0 ? now : over}
    </em>
  )
}

function Process() {
  const hello = usePanel(view => view.hello)
  const now = useNow()
  const { all } = useProcessesView()
  if (!hello) return null
  return (
    <>
      {all.length > 1 && <ProcessSwitch />}
      <p className="rail-process">
        <b>{hello.application}</b> · pid {hello.pid}
        {hello.thread > 0 && ` · thread ${hello.thread}`}
        <br />
        up {age(Math.floor(now / 60_000) * 60_000 || now)} <br />
        node {hello.node} · v{hello.version}
      </p>
    </>
  )
}
