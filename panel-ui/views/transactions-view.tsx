import './split-view.css'
import './transactions-view.css'
import { useDeferredValue, useEffect, useMemo, useRef } from 'react'
import { doubtsOf } from '../../instrumentation/findings/in-doubt.ts'
import type { Told } from '../../instrumentation/findings/tell-transaction.ts'
import { endingLines, sentenceOf, transactionsOf } from '../model/transactions.ts'
import { completionsOf, toggleWord } from '../model/filter.ts'
import {
  transactionFilter,
  TRANSACTIONS,
  TRANSACTION_WORDS,
  WITH_READS,
} from '../model/transaction-filter.ts'
import { useModel, useMoment, usePanel } from '../model/use-panel.ts'
import { adjust, useRoute } from '../route.ts'
import { EndingLines } from './ending-lines.tsx'
import { InDoubtSection } from './in-doubt.tsx'
import { NotYetHeard } from './nothing-yet.tsx'
import { QueryBox } from './query-box.tsx'
import { TransactionDetail } from './transaction-detail.tsx'
import { TransactionList } from './transaction-list.tsx'
import { useFollow } from './use-follow.ts'
import { useListKeys } from './use-list-keys.ts'

/** Every transaction: what is in doubt, what is open and since when, and how and where the others ended. */
export function TransactionsView() {
  const { path, query } = useRoute()
  const [opened] = path
  const { state, now } = useMoment()
  const model = useModel()
  const truth = usePanel(view => view.truth)
  const isHeard = usePanel(view => view.state.seq > 0 || view.stat !== null)
  const box = useRef<HTMLInputElement>(null)
  const searched = useDeferredValue(query)
  const { matches, order, problems } = useMemo(() => transactionFilter(searched), [searched])
  useEffect(() => model.watch(), [model])
  const { requests, transactions, commits, doubts } = state
  const all = useMemo(
    () => transactionsOf(state),
    // The parts and not the state itself, which every row replaces.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
    [requests, transactions, commits, doubts],
  )
  const left = doubtsOf(state, truth, now)
  const open = all.open.filter(told => matches(told, now))
  // An ended one changes neither its length nor its state.
  const found = useMemo(() => {
    const ended = all.ended.filter(told => matches(told, 0))
    return order ? ended.sort((a, b) => order(a, b, 0)) : ended
  }, [all, matches, order])
  const ids = useMemo(() => found.map(told => told.transaction.id), [found])
  const items = useMemo(() => new Map(found.map(told => [told.transaction.id, told])), [found])
  const follow = useFollow<ReadonlyMap<string, Told>>(
    ids,
    items,
    `${searched} ${path.length}`,
    opened !== undefined,
  )
  const ended = follow.shown.flatMap(id => items.get(id) ?? follow.past?.get(id) ?? [])
  useListKeys({
    view: 'transactions',
    box,
    shown: () => [...open, ...ended].map(told => told.transaction.id),
    toggleFollow: follow.toggle,
  })
  if (!isHeard) return <NotYetHeard />
  const reads = all.ended.filter(({ fate }) => fate === 'read only').length
  const hasReads = query.split(/\s+/).includes(WITH_READS)
  const isSplit = opened !== undefined
  const engines = [...new Set([...all.open, ...all.ended].map(told => `engine:${told.transaction.engine}`))]
  return (
    <main className="transactions split-view" data-split={isSplit || undefined} aria-label="Transactions">
      <div className="split-list">
        {!isSplit && (
          <h1 className="transactions-sentence" aria-live="polite">
            {sentenceOf(all, left.inDoubt.length, left.isCertain, now)}
          </h1>
        )}
        <QueryBox
          ref={box}
          query={query}
          found={open.length + found.length}
          of={all.open.length + all.ended.length - (hasReads ? 0 : reads)}
          follow={follow}
          noun="transaction"
          placeholder="Filter: text, engine:writer, lied, two-phase"
          offered={[...TRANSACTION_WORDS, ...engines.sort()]}
          completions={completionsOf(TRANSACTIONS, query, state)}
          problems={problems}
          onChange={next => adjust('transactions', path, next)}
        />
        <TransactionList
          open={open}
          ended={ended}
          isEmpty={all.ended.length === 0}
          reads={
            reads > 0 && (
              <button
                type="button"
                className="with-reads"
                aria-pressed={hasReads}
                onClick={() => adjust('transactions', path, toggleWord(query, WITH_READS))}
              >
                {hasReads ? 'leave out' : 'show'} {reads.toLocaleString('en')} that only read
              </button>
            )
          }
          opened={opened}
          follow={follow}
          query={query}
          truth={truth}
          now={now}
          before={
            !isSplit && (
              <>
                <InDoubtSection doubts={left} truth={truth} now={now} />
                <EndingLines
                  lines={endingLines(all.ended)}
                  query={query}
                  onPick={next => adjust('transactions', path, next)}
                />
              </>
            )
          }
        />
      </div>
      {opened !== undefined && <TransactionDetail key={opened} id={opened} query={query} past={items} />}
    </main>
  )
}
