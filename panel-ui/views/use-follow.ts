import { useState } from 'react'
import type { Request } from '../../instrumentation/model/state.ts'

/** Whether a list follows new items, and what it shows while it does not. */
export interface Follow<P = ReadonlyMap<string, Request>> {
  readonly shown: readonly string[]
  /** The list's items as of when it stopped: kept even if the page has to forget them meanwhile. */
  readonly past: P | null
  /** How many came since the list stopped. */
  readonly fresh: number
  readonly isOn: boolean
  toggle(): void
  /** Shows the new items, once. */
  catchUp(): void
  hover(isOver: boolean): void
}

/**
 * A list that follows new items, newest first, until the reader looks at it. Under the pointer, or while an item is
 * open, it stands still and counts what comes. A new `reset` means another list.
 */
export function useFollow<P>(ids: readonly string[], items: P, reset: string, isBusy: boolean): Follow<P> {
  const [isOn, setOn] = useState(true)
  const [isHovered, setHovered] = useState(false)
  const [frozen, setFrozen] = useState({ ids, items, reset })
  const isFrozen = !isOn || isHovered || isBusy
  if (frozen.reset !== reset || (!isFrozen && frozen.ids !== ids)) setFrozen({ ids, items, reset })
  const shown = isFrozen && frozen.reset === reset ? frozen.ids : ids
  return {
    shown,
    past: shown === ids ? null : frozen.items,
    fresh: shown === ids ? 0 : freshIn(ids, shown),
    isOn,
    toggle: () => setOn(!isOn),
    catchUp: () => setFrozen({ ids, items, reset }),
    hover: setHovered,
  }
}

function freshIn(ids: readonly string[], shown: readonly string[]): number {
  const first = shown[0]
  const at = first === undefined ? ids.length : ids.indexOf(first)
  return at === -1 ? ids.length : at
}
