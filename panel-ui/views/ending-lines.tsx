import { Site } from '../components/site.tsx'
import type { EndingLine } from '../model/transactions.ts'

const SHOWN = 6

interface Props {
  lines: readonly EndingLine[]
  query: string
  onPick: (query: string) => void
}

/** Where the application ends its transactions, line by line; lines where work was lost come first. */
export function EndingLines({ lines, query, onPick }: Props) {
  if (lines.length === 0) return null
  return (
    <section className="ending-lines" aria-label="Where transactions end">
      <h2 className="section-head">
        Where they end <span>by line of the application</span>
      </h2>
      <ul>
        {lines.slice(0, SHOWN).map(({ site, committed, lost }) => {
          const word = site.slice(site.lastIndexOf('/') + 1).toLowerCase()
          return (
            <li key={site}>
              <button
                type="button"
                aria-pressed={query === word}
                onClick={() => onPick(query === word ? '' : word)}
              >
                {committed > 0 && <b className="good">✓ {committed.toLocaleString('en')}</b>}
                {lost > 0 && <b className="hot">↺ {lost.toLocaleString('en')}</b>}
                <Site site={site} />
              </button>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
