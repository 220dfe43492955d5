import './in-doubt.css'
import type { ReactNode } from 'react'
import { Tag } from '../components/tag.tsx'
import { age, ago, count } from '../../instrumentation/model/format.ts'
import type { ServerTruth } from '../../instrumentation/model/protocol.ts'
import type { Doubts, InDoubt } from '../../instrumentation/findings/in-doubt.ts'
import { write } from '../route.ts'
import { LockList } from './lock-list.tsx'

const RECOVERED_SHOWN = 3

interface Props {
  doubts: Doubts
  truth: ServerTruth | null
  now: number
}

/** Prepared transactions that are not resolved: each holds its locks until it is. */
export function InDoubtSection({ doubts: { inDoubt, recovered, isCertain }, truth, now }: Props) {
  const unasked = (truth?.engines ?? []).flatMap(it => ('unasked' in it ? [it] : []))
  return (
    <section className="in-doubt" aria-label="In doubt" aria-busy={truth === null}>
      <h2 className="section-head">
        In doubt{' '}
        <span>
          {truth === null
            ? 'asking the servers …'
            : inDoubt.length === 0
              ? `no server ${isCertain ? '' : 'that was asked '}has a prepared transaction that nobody ends`
              : 'prepared, and not ended: their locks are held until somebody does'}
        </span>
      </h2>
      {inDoubt.map(doubt => (
        <Doubt key={doubt.gid} doubt={doubt} />
      ))}
      {recovered.slice(0, RECOVERED_SHOWN).map(({ gid, parts, engine, outcome, at, ageMs }) => (
        <p key={gid} className="recovered" data-recovered={gid}>
          <b className={outcome === 'committed' ? 'good' : 'open'}>
            {outcome === 'committed' ? '✓' : '↺'} {outcome}
          </b>{' '}
          by recovery {ago(now - at)}: <span className="mono">{parts?.key.slice(0, 8) ?? gid}</span> on{' '}
          {engine}, in doubt for {age(ageMs)}
        </p>
      ))}
      {unasked.length > 0 && (
        <p className="dim unasked">
          Not asked this time: {unasked.map(({ engine, unasked }) => `${engine} (${unasked})`).join('; ')}.
        </p>
      )}
    </section>
  )
}

function Doubt({ doubt }: { doubt: InDoubt }) {
  const { gid, parts, engine, ageMs, reason, owner, locks, commit } = doubt
  const request = commit?.request
  return (
    <article className="doubt" data-gid={gid} aria-label={`Prepared transaction on ${engine}`}>
      <header>
        <b className="doubt-age">{age(ageMs)}</b>
        <b>{engine}</b>
        {parts && <Tag>{parts.application}</Tag>}
        <span className="mono doubt-gid" title={gid}>
          {parts?.key ?? gid}
        </span>
        {request !== undefined && <a href={write('requests', [request])}>request {request}</a>}
        <span className="doubt-reason">{reason}</span>
      </header>
      <dl>
        {parts && (
          <Fact name="its decision is in database">
            <span className="mono">{parts.location}</span>
          </Fact>
        )}
        {owner !== null && <Fact name="owner">{owner}</Fact>}
        <Fact name={locks === null ? 'locks' : count(locks.length, 'lock')}>
          {locks === null ? <span className="dim">not asked</span> : <LockList locks={locks} />}
        </Fact>
      </dl>
    </article>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
