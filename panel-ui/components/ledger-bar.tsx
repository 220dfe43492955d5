import './ledger-bar.css'
import { duration } from '../../instrumentation/model/format.ts'
import type { Ledger, LedgerEntry } from '../../instrumentation/model/ledger.ts'

/** The order in which a request goes through them, not the order in which the ledger assigns a moment. */
const SHOWN: readonly LedgerEntry[] = [
  'waiting',
  'queued',
  'executing',
  'idle in transaction',
  'held idle',
  'application',
]

const LABELS: Record<LedgerEntry, string> = {
  waiting: 'waiting for a connection',
  queued: 'queued',
  executing: 'executing',
  'idle in transaction': 'idle in transaction',
  'held idle': 'held idle',
  application: 'application',
}

const SHORT_LABELS: Record<LedgerEntry, string> = {
  ...LABELS,
  waiting: 'wait',
  executing: 'execute',
  'idle in transaction': 'idle in tx',
  application: 'app',
}

/** Where a request's time went: the parts fill the whole bar. */
export function LedgerBar({ ledger }: { ledger: Ledger }) {
  if (ledger.wall === 0) return <span className="ledger-bar" />
  return (
    <span className="ledger-bar" role="img" aria-label={ledgerSentence(ledger)}>
      {SHOWN.filter(entry => ledger[entry] > 0).map(entry => (
        <i
          key={entry}
          data-entry={entry}
          data-minor={isMinor(ledger[entry])}
          style={{ flexGrow: ledger[entry] / ledger.wall }}
        />
      ))}
    </span>
  )
}

/** The same, large, with a legend whose numbers sum to the whole. */
export function LedgerFigure({ ledger }: { ledger: Ledger }) {
  return (
    <figure className="ledger-figure">
      <span className="ledger-bar large" role="img" aria-label={ledgerSentence(ledger)}>
        {SHOWN.filter(entry => ledger[entry] > 0).map(entry => (
          <i
            key={entry}
            data-entry={entry}
            data-minor={isMinor(ledger[entry])}
            style={{ flexGrow: ledger[entry] / ledger.wall }}
          >
            <span>
              {SHORT_LABELS[entry]} {duration(ledger[entry] / 1000)}
            </span>
          </i>
        ))}
      </span>
      <figcaption>
        <ul className="ledger-legend">
          {SHOWN.filter(entry => ledger[entry] > 0).map(entry => (
            <li key={entry}>
              <i data-entry={entry} data-minor={isMinor(ledger[entry])} /> {LABELS[entry]}{' '}
              <b>{duration(ledger[entry] / 1000)}</b>
            </li>
          ))}
          <li className="ledger-total">
            = <b>{duration(ledger.wall / 1000)}</b>
          </li>
        </ul>
      </figcaption>
    </figure>
  )
}

const MINOR_US = 1000

const isMinor = (us: number): true | undefined => us < MINOR_US || undefined

function ledgerSentence(ledger: Ledger): string {
  const parts = SHOWN.filter(entry => ledger[entry] > 0).map(
    entry => `${LABELS[entry]} ${duration(ledger[entry] / 1000)}`,
  )
  return `${parts.join(', ')}; in all ${duration(ledger.wall / 1000)}`
}
