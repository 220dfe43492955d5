import './query-box.css'
import { useId, type Ref } from 'react'
import { toggleWord, wordsOf } from '../model/filter.ts'
import type { Follow } from './use-follow.ts'

interface Props {
  ref: Ref<HTMLInputElement>
  query: string
  found: number
  of: number
  /** Undefined for a list that does not follow. */
  follow?: Pick<Follow, 'isOn' | 'toggle'>
  /** What is filtered: `request`. */
  noun: string
  /** Where an `s` does not make it. */
  nouns?: string
  placeholder: string
  /** The words that can be added with a click. */
  offered: readonly string[]
  /** What the text can become, to choose from while typing. */
  completions: readonly string[]
  /** What was not read as it was probably meant. */
  problems: readonly string[]
  onChange: (query: string) => void
}

/** Filters a list, and offers its known words at a click. */
export function QueryBox(props: Props) {
  const {
    ref,
    query,
    found,
    of,
    follow,
    noun,
    nouns = `${noun}s`,
    placeholder,
    offered,
    completions,
    problems,
    onChange,
  } = props
  const words = wordsOf(query)
  const listId = useId()
  const problemsId = useId()
  return (
    <search className="query-box">
      <div className="query-field">
        <input
          ref={ref}
          type="search"
          value={query}
          onChange={event => onChange(event.target.value)}
          placeholder={placeholder}
          aria-label={`Filter the ${nouns}`}
          spellCheck={false}
          autoComplete="off"
          list={listId}
          aria-describedby={problems.length > 0 ? problemsId : undefined}
        />
        <datalist id={listId}>
          {completions.map(completion => (
            <option key={completion} value={completion} />
          ))}
        </datalist>
        <kbd>/</kbd>
      </div>
      <ul className="query-words" aria-label="Common filters">
        {offered.map(word => (
          <li key={word}>
            <button
              type="button"
              aria-pressed={words.includes(word)}
              onClick={() => onChange(toggleWord(query, word))}
            >
              {word}
            </button>
          </li>
        ))}
      </ul>
      <p className="query-count">
        {query.trim() ? `${found} of ${of}` : `${of.toLocaleString('en')} ${of === 1 ? noun : nouns}`}
      </p>
      {follow && (
        <button
          type="button"
          className="follow"
          aria-pressed={follow.isOn}
          onClick={follow.toggle}
          title="Follow (f)"
        >
          <i /> follow
        </button>
      )}
      {problems.length > 0 && (
        <ul className="query-problems" id={problemsId} role="status">
          {problems.map(problem => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
    </search>
  )
}
