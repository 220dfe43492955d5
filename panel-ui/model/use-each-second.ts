import { useState } from 'react'
import type { Time } from '../../instrumentation/model/rows.ts'

/** What is made once a second: words that are read aloud need not be new more often, and cost something. */
export function useEachSecond<T>(now: Time, make: () => T): T {
  const second = Math.floor(now / 1000)
  const [kept, setKept] = useState(() => ({ second, made: make() }))
  if (kept.second === second) return kept.made
  const made = make()
  setKept({ second, made })
  return made
}
