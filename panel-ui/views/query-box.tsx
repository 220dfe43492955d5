import './query-box.css'
import type { Ref } from 'react'
import { count } from '../format.ts'
import { FILTER_EXAMPLES } from '../model/request-filter.ts'
import type { Follow } from './use-follow.ts'

interface Props {
  ref: Ref<HTMLInputElement>
  query: string
  found: number
  of: number
  follow: Follow
  onChange: (query: string) => void
}

/** Filters the requests, with the words that it knows one click away. */
export function QueryBox({ ref, query, found, of, follow, onChange }: Props) {
  const words = query.split(/\s+/).filter(Boolean)
  const toggle = (word: string) =>
    onChange((words.includes(word) ? words.filter(w => w !== word) : [...words, word]).join(' '))
  return (
    <search className="query-box">
      <div className="query-field">
        <input
          ref={ref}
          type="search"
          value={query}
          onChange={event => onChange(event.target.value)}
          placeholder="Filter: text, engine:writer, status:500, slow:>100"
          aria-label="Filter the requests"
          spellCheck={false}
          autoComplete="off"
        />
        <kbd>/</kbd>
      </div>
      <ul className="query-words" aria-label="Common filters">
        {FILTER_EXAMPLES.map(word => (
          <li key={word}>
            <button type="button" aria-pressed={words.includes(word)} onClick={() => toggle(word)}>
              {word}
            </button>
          </li>
        ))}
      </ul>
      <p className="query-count">{query.trim() ? `${found} of ${of}` : count(of, 'request')}</p>
      <button
        type="button"
        className="follow"
        aria-pressed={follow.isOn}
        onClick={follow.toggle}
        title="Follow (f)"
      >
        <i /> follow
      </button>
    </search>
  )
}
