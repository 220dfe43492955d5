import './query-box.css'
import type { Ref } from 'react'
import { count } from '../../instrumentation/model/format.ts'
import type { Follow } from './use-follow.ts'

interface Props {
  ref: Ref<HTMLInputElement>
  query: string
  found: number
  of: number
  follow: Pick<Follow, 'isOn' | 'toggle'>
  /** What is filtered: `request`. */
  noun: string
  placeholder: string
  /** The words that can be added with a click. */
  offered: readonly string[]
  onChange: (query: string) => void
}

/** Filters a list, and offers its known words at a click. */
export function QueryBox({ ref, query, found, of, follow, noun, placeholder, offered, onChange }: Props) {
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
          placeholder={placeholder}
          aria-label={`Filter the ${noun}s`}
          spellCheck={false}
          autoComplete="off"
        />
        <kbd>/</kbd>
      </div>
      <ul className="query-words" aria-label="Common filters">
        {offered.map(word => (
          <li key={word}>
            <button type="button" aria-pressed={words.includes(word)} onClick={() => toggle(word)}>
              {word}
            </button>
          </li>
        ))}
      </ul>
      <p className="query-count">{query.trim() ? `${found} of ${of}` : count(of, noun)}</p>
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
