import './empty-state.css'
import { usePanel } from '../model/use-panel.ts'

/** Connected, and the first snapshot is on its way. */
export function NotYetHeard() {
  return (
    <main className="empty-state" aria-busy="true">
      <p className="dim">Asking the process what it knows…</p>
    </main>
  )
}

/** A process without engines: what to do, in three lines of code. */
export function NoEngines() {
  return (
    <main className="empty-state">
      <i className="lamp" />
      <h1>This process has no engines yet.</h1>
      <p>An engine is a database with its pool. Three lines make the ones that you have appear here:</p>
      <pre>
        {`const engines = createEngines({ main: engine()({ knex, default: true }) })
app.use(sessions(engines, { as: 'db' }))
await panel({ engines }).attach(server)`}
      </pre>
      <p>
        Code that already uses that <span className="mono">knex</span> need not change: its connections show
        up as they are.
      </p>
    </main>
  )
}

/** There are engines, and no request has come yet. */
export function NoRequests() {
  const url = usePanel(view => view.hello?.applicationUrl ?? null)
  return (
    <main className="empty-state">
      <i className="lamp" />
      <h1>Waiting for the first request.</h1>
      <p>
        {url === null ? (
          'Use the application'
        ) : (
          <>
            Open{' '}
            <a href={url} target="_blank" rel="noreferrer">
              {url}
            </a>{' '}
            in another tab
          </>
        )}
        : each request appears here as it happens, with the connections that it takes.
      </p>
    </main>
  )
}
