import './fresh-pill.css'
import type { RefObject } from 'react'
import type { Follow } from './use-follow.ts'

interface Props {
  follow: Pick<Follow, 'fresh' | 'catchUp'>
  scroller: RefObject<HTMLElement | null>
}

/** How many items came while the list stood still; a click shows them, from the top. */
export function FreshPill({ follow, scroller }: Props) {
  if (follow.fresh === 0) return null
  return (
    <button
      type="button"
      className="fresh-pill"
      onClick={() => {
        follow.catchUp()
        scroller.current?.scrollTo({ top: 0 })
      }}
    >
      ↑ {follow.fresh} new
    </button>
  )
}
