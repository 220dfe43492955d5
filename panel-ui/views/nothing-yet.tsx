import './empty-state.css'

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
        {`import { createEngines, engine } from 'enginelight'
import { panel } from 'enginelight/panel'
const engines = createEngines({ main: engine({ knex, default: true }) })`}
      </pre>
      <p>
        Then mount this page with{' '}
        <span className="mono">await panel(&#123; engines &#125;).attach(server)</span>. Code that already
        uses that knex need not change: its connections show up as they are.
      </p>
    </main>
  )
}

/** Engines are there, and nobody has asked the application for anything. */
export function NoRequests() {
  return (
    <main className="empty-state">
      <i className="lamp" />
      <h1>Waiting for the first request.</h1>
      <p>
        Open{' '}
        <a href={`${location.origin}/`} target="_blank" rel="noreferrer">
          {location.origin}/
        </a>{' '}
        in another tab: each request appears here as it happens, with the connections that it takes.
      </p>
    </main>
  )
}
