import { memo } from 'react'
import { unionMs } from '../../instrumentation/model/union-of.ts'
import { SqlText } from '../components/sql-text.tsx'
import { SiteLink } from '../components/site-link.tsx'
import { CopyButtons } from '../components/copy-buttons.tsx'
import { Tag } from '../components/tag.tsx'
import { duration, milliseconds } from '../../instrumentation/model/format.ts'
import type { StatementLine } from '../../instrumentation/findings/similar.ts'
import type { CountedStatements, Statement } from '../../instrumentation/model/state.ts'

interface Props {
  statement: Statement
  waitMs: number
  similar: number
  isInRun: boolean
  isPicked: boolean
  onPick: (statement: string | null) => void
}

/** One statement; when opened, its whole text and the server's answer. */
export const StatementLineRow = memo(function StatementLineRow(props: Props) {
  const { statement, waitMs, similar, isInRun, isPicked, onPick } = props
  const { id, engine, endedAt, startedAt, error } = statement
  return (
    <div
      className="statement"
      role="row"
      data-statement={id}
      data-connection={statement.connection}
      data-in-run={isInRun || undefined}
      data-failed={error ? true : undefined}
      data-picked={isPicked || undefined}
    >
      <span role="cell" className="statement-text">
        <button type="button" aria-expanded={isPicked} onClick={() => onPick(isPicked ? null : id)}>
          <SqlText text={statement.text} />
        </button>
        {error && <Tag tone="bad">{error.code ?? 'error'}</Tag>}
        {statement.cursor && <Tag>cursor</Tag>}
        {similar > 0 && <Tag tone="warn">×{similar} similar</Tag>}
      </span>
      <span role="cell">{engine}</span>
      <Milliseconds ms={waitMs} />
      <Milliseconds ms={statement.queuedMs} />
      <span role="cell" className="right">
        {endedAt === null ? <Tag tone="warn">running</Tag> : milliseconds(endedAt - startedAt)}
      </span>
      <span role="cell" className="right">
        {statement.rows?.toLocaleString('en')}
      </span>
      <span role="cell" className="right dim">
        {statement.parameters || ''}
      </span>
      <span role="cell" className="statement-line">
        {statement.site && <SiteLink site={statement.site} />}
      </span>
      {isPicked && (
        <div role="cell" className="statement-more">
          <SqlText text={statement.text} isWhole />
          <CopyButtons offers={[{ as: 'SQL', text: () => statement.text }]} />
          {error && (
            <p className="hot">
              {error.code} {error.message}
            </p>
          )}
          <StatementFacts statement={statement} waitMs={waitMs} />
        </div>
      )}
    </div>
  )
})

/** Everything in the row, and what the row had no room for. */
function StatementFacts({ statement, waitMs }: { statement: Statement; waitMs: number }) {
  const { endedAt, startedAt, queuedMs } = statement
  const facts: [string, string | null][] = [
    ['waited for its connection', waitMs < 0.05 ? null : duration(waitMs)],
    ['queued', queuedMs < 0.05 ? null : duration(queuedMs)],
    ['executed', endedAt === null ? 'still running' : duration(endedAt - startedAt)],
    ['rows', statement.rows?.toLocaleString('en') ?? null],
    ['parameters', statement.parameters === 0 ? null : String(statement.parameters)],
    ['answer', statement.command],
    ['engine', statement.engine],
    ['connection', statement.connection],
    ['transaction', statement.transaction],
    ['statement', statement.id],
    ['line', statement.site],
  ]
  return (
    <dl className="statement-facts">
      {facts.map(
        ([name, value]) =>
          value !== null && (
            <div key={name}>
              <dt>{name}</dt> <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

function Milliseconds({ ms }: { ms: number }) {
  return (
    <span role="cell" className={ms >= 1 ? 'right' : 'right dim'}>
      {ms < 0.05 ? '–' : milliseconds(ms)}
    </span>
  )
}

type Run = Extract<StatementLine, { type: 'run' }>

interface RunProps {
  line: Run
  onToggle: (key: string) => void
}

/** A run of similar statements, folded. */
export const RunLine = memo(function RunLine({ line, onToggle }: RunProps) {
  const { statements, isOpen, inTurn } = line
  const first = statements[0]!
  // At once they take no longer than the request.
  const spent = unionMs(statements.map(s => ({ from: s.startedAt, to: s.endedAt ?? s.startedAt })))
  const rows = statements.reduce((sum, s) => sum + (s.rows ?? 0), 0)
  return (
    <div className="statement run" role="row">
      <span role="cell" className="statement-text">
        <button type="button" aria-expanded={isOpen} onClick={() => onToggle(line.key)}>
          <i className="run-mark">{isOpen ? '▾' : '▸'}</i>
          <Tag tone="warn">
            {inTurn > 1
              ? `×${statements.length / inTurn}, ${inTurn} in turn`
              : `×${statements.length} similar`}
          </Tag>{' '}
          <SqlText text={first.text} />
        </button>
      </span>
      <span role="cell">{first.engine}</span>
      <span role="cell" />
      <Milliseconds
        ms={unionMs(statements.map(s => ({ from: s.startedAt - s.queuedMs, to: s.startedAt })))}
      />
      <span role="cell" className="right">
        <b>{milliseconds(spent)}</b>
      </span>
      <span role="cell" className="right">
        {rows.toLocaleString('en')}
      </span>
      <span role="cell" className="right dim">
        {first.parameters || ''}
      </span>
      <span role="cell" className="statement-line">
        {first.site && <SiteLink site={first.site} />}
      </span>
    </div>
  )
})

/** Statements of one text and line beyond the limit: their sum. */
export function CountedLine({ counted }: { counted: CountedStatements }) {
  return (
    <div className="statement run" role="row" data-counted>
      <span role="cell" className="statement-text">
        <Tag tone="warn" title="More than are kept of one request">
          ×{counted.total.toLocaleString('en')} counted
        </Tag>{' '}
        {counted.text === null ? 'other statements' : <SqlText text={counted.text} />}
      </span>
      <span role="cell">{counted.engine}</span>
      <span role="cell" />
      <Milliseconds ms={counted.queuedMs} />
      <span role="cell" className="right">
        <b>{milliseconds(counted.summedMs)}</b>
      </span>
      <span role="cell" className="right">
        {counted.rows.toLocaleString('en')}
      </span>
      <span role="cell" className="right dim">
        {counted.parameters || ''}
      </span>
      <span role="cell" className="statement-line">
        {counted.site && <SiteLink site={counted.site} />}
      </span>
    </div>
  )
}
