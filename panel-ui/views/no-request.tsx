import { useRef, useState } from 'react'
import { TableScroll } from '../components/table-scroll.tsx'
import { SiteLink } from '../components/site-link.tsx'
import { Tag } from '../components/tag.tsx'
import { ago, duration } from '../../instrumentation/model/format.ts'
import { linesOfWork } from '../model/no-request.ts'
import type { Request } from '../../instrumentation/model/state.ts'
import { useNow } from '../model/use-panel.ts'
import { go } from '../route.ts'
import { StatementsTable } from './statements-table.tsx'

/** Check-outs and statements without a known request, by the line that they come from. */
export function NoRequest({ work, query }: { work: Request; query: string }) {
  const now = useNow()
  const scroller = useRef<HTMLElement>(null)
  const [statement, setStatement] = useState<string | null>(null)
  return (
    <article
      className="request-detail"
      ref={scroller}
      aria-label="Outside of any request"
      data-request={work.id}
      tabIndex={-1}
    >
      <div>
        <header className="detail-head">
          <button
            type="button"
            className="detail-back"
            onClick={() => go('requests', [], query)}
            aria-label="Back to the list"
            title="Back (Esc)"
          >
            ←
          </button>
          <h1>Outside of any request</h1>
          <p>the last thousand check-outs and statements</p>
        </header>
        <p className="verdict">
          Work that ran where no request could be found: at start-up, in a timer or a worker, or where the
          asynchronous context was lost on the way. A job gets a name of its own in{' '}
          <span className="mono">engines.scope(job)</span>.
        </p>
        <section aria-label="Lines of code">
          <h2 className="section-head">Where it comes from</h2>
          <TableScroll label="Lines of code">
            <table className="detail-table">
              <thead>
                <tr>
                  <th>line</th>
                  <th>engine</th>
                  <th className="right">check-outs</th>
                  <th className="right">statements</th>
                  <th>right now</th>
                  <th className="right">last</th>
                </tr>
              </thead>
              <tbody>
                {linesOfWork(work).map(line => (
                  <tr key={line.key}>
                    <td>
                      {line.site ? <SiteLink site={line.site} /> : <span className="dim">unknown</span>}
                    </td>
                    <td>{line.engine}</td>
                    <td className="right">{line.checkouts.toLocaleString('en')}</td>
                    <td className="right">{line.statements.toLocaleString('en')}</td>
                    <td>
                      {line.held.map(c => (
                        <Tag key={c.id} tone="warn">
                          holds {c.connection} for {duration(now - (c.acquiredAt ?? now))}
                        </Tag>
                      ))}
                      {line.waiting > 0 && <Tag tone="bad">{line.waiting} waiting</Tag>}
                      {line.held.length + line.waiting === 0 && <span className="dim">nothing held</span>}
                    </td>
                    <td className="right">{ago(now - line.lastAt)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableScroll>
        </section>
        <StatementsTable request={work} scroller={scroller} picked={statement} onPick={setStatement} />
      </div>
    </article>
  )
}
