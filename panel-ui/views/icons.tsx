/** Lanes with something on them. */
export function BoardIcon() {
  return (
    <svg className="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M1 3.5h14M1 8h14M1 12.5h14" stroke="currentColor" strokeOpacity=".35" />
      <path d="M4 3.5h5M8 8h6M2.5 12.5h3" stroke="currentColor" strokeWidth="3" strokeLinecap="round" />
    </svg>
  )
}

/** A list with a mark before each line. */
export function RequestsIcon() {
  return (
    <svg className="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M6 3.5h9M6 8h9M6 12.5h6" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" />
      <path
        d="M2.2 3.5h.1M2.2 8h.1M2.2 12.5h.1"
        stroke="currentColor"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
    </svg>
  )
}

/** A stretch between two brackets. */
export function TransactionsIcon() {
  return (
    <svg className="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path
        d="M4.5 2.5h-2v11h2M11.5 2.5h2v11h-2"
        fill="none"
        stroke="currentColor"
        strokeOpacity=".5"
        strokeWidth="1.4"
      />
      <path d="M5.5 8h5" stroke="currentColor" strokeWidth="3" strokeLinecap="round" />
    </svg>
  )
}

/** The same line again and again. */
export function QueriesIcon() {
  return (
    <svg className="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M4 4h11M4 8h11M4 12h11" stroke="currentColor" strokeOpacity=".35" strokeWidth="1.4" />
      <path
        d="M1.5 2.5v11M4 4h7M4 8h7M4 12h7"
        stroke="currentColor"
        strokeWidth="1.8"
        strokeLinecap="round"
      />
    </svg>
  )
}

/** A check mark. */
export function HealthIcon() {
  return (
    <svg className="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="6.3" fill="none" stroke="currentColor" strokeOpacity=".4" strokeWidth="1.4" />
      <path
        d="M5.2 8.2l2 2 3.8-4.2"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.8"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  )
}
