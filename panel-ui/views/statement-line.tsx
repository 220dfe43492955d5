import { SqlText } from '../components/sql-text.tsx'
import { Tag } from '../components/tag.tsx'
import { milliseconds, shortSite } from '../format.ts'
import type { StatementLine } from '../model/similar.ts'
import type { Statement } from '../model/state.ts'

interface Props {
  statement: Statement
  waitMs: number
  similar: number
  isInRun: boolean
  isPicked: boolean
  onPick: (statement: string | null) => void
}

/** One statement; opened, its whole text and what the server answered. */
export function StatementLineRow({ statement, waitMs, similar, isInRun, isPicked, onPick }: Props) {
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
      <span role="cell" className="statement-line mono" title={statement.site ?? undefined}>
        {statement.site && shortSite(statement.site)}
      </span>
      {isPicked && (
        <div className="statement-more">
          <SqlText text={statement.text} isWhole />
          {error && (
            <p className="hot">
              {error.code} {error.message}
            </p>
          )}
          <p className="dim mono">
            {id} · {statement.connection}
            {statement.transaction && ` · transaction ${statement.transaction}`}
            {statement.command && ` · ${statement.command}`}
            {statement.site && ` · ${statement.site}`}
          </p>
        </div>
      )}
    </div>
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

/** A run of similar statements, folded. */
export function RunLine({ line, onToggle }: { line: Run; onToggle: () => void }) {
  const { statements, isOpen } = line
  const first = statements[0]!
  const spent = statements.reduce((sum, s) => sum + ((s.endedAt ?? s.startedAt) - s.startedAt), 0)
  const rows = statements.reduce((sum, s) => sum + (s.rows ?? 0), 0)
  return (
    <div className="statement run" role="row">
      <span role="cell" className="statement-text">
        <button type="button" aria-expanded={isOpen} onClick={onToggle}>
          <i className="run-mark">{isOpen ? '▾' : '▸'}</i>
          <Tag tone="warn">×{statements.length} similar</Tag> <SqlText text={first.text} />
        </button>
      </span>
      <span role="cell">{first.engine}</span>
      <span role="cell" />
      <Milliseconds ms={statements.reduce((sum, s) => sum + s.queuedMs, 0)} />
      <span role="cell" className="right">
        <b>{milliseconds(spent)}</b>
      </span>
      <span role="cell" className="right">
        {rows.toLocaleString('en')}
      </span>
      <span role="cell" className="right dim">
        {first.parameters || ''}
      </span>
      <span role="cell" className="statement-line mono" title={first.site ?? undefined}>
        {first.site && shortSite(first.site)}
      </span>
    </div>
  )
}
