import { useState } from 'react'
import type { Request } from '../model/state.ts'

type Requests = ReadonlyMap<string, Request>

/** Whether a list moves with what comes, and what it shows while it does not. */
export interface Follow {
  readonly shown: readonly string[]
  /** The requests as they were when the list stopped: it outlives what the page has to forget meanwhile. */
  readonly past: Requests | null
  /** How many came since the list stands still. */
  readonly fresh: number
  readonly isOn: boolean
  toggle(): void
  /** Shows what has come, once. */
  catchUp(): void
  hover(isOver: boolean): void
}

/**
 * A list that follows, newest first, until somebody looks at it: under the pointer, or while one of it is open, it
 * stands still and counts what comes. `reset` names what makes it another list.
 */
export function useFollow(
  ids: readonly string[],
  requests: Requests,
  reset: string,
  isBusy: boolean,
): Follow {
  const [isOn, setOn] = useState(true)
  const [isHovered, setHovered] = useState(false)
  const [frozen, setFrozen] = useState({ ids, requests, reset })
  const isFrozen = !isOn || isHovered || isBusy
  if (frozen.reset !== reset || (!isFrozen && frozen.ids !== ids)) setFrozen({ ids, requests, reset })
  const shown = isFrozen && frozen.reset === reset ? frozen.ids : ids
  return {
    shown,
    past: shown === ids ? null : frozen.requests,
    fresh: shown === ids ? 0 : freshIn(ids, shown),
    isOn,
    toggle: () => setOn(!isOn),
    catchUp: () => setFrozen({ ids, requests, reset }),
    hover: setHovered,
  }
}

function freshIn(ids: readonly string[], shown: readonly string[]): number {
  const first = shown[0]
  const at = first === undefined ? ids.length : ids.indexOf(first)
  return at === -1 ? ids.length : at
}
