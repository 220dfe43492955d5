import './sort-head.css'
import { nextSort, sortedBy } from '../model/filter.ts'

interface Props {
  /** As in `sort:duration`. */
  column: string
  label: string
  query: string
  isRight?: boolean
  /** Texts come from A first, numbers from the largest. */
  isText?: boolean
  title?: string
  onSort: (query: string) => void
}

/** A column's head: a click sorts by it, the next the other way, the next not at all. */
export function SortHead({ column, label, query, isRight, isText, title, onSort }: Props) {
  const sorted = sortedBy(query, column)
  const isUp = (sorted === 'first') === (isText === true)
  return (
    <span
      role="columnheader"
      className={isRight ? 'right' : undefined}
      aria-sort={sorted ? (isUp ? 'ascending' : 'descending') : 'none'}
    >
      <button
        type="button"
        className="sort-head"
        title={title ?? `Sort by ${label}`}
        onClick={() => onSort(nextSort(query, column))}
      >
        {label}
        {sorted && <i aria-hidden="true">{isUp ? '↑' : '↓'}</i>}
      </button>
    </span>
  )
}
