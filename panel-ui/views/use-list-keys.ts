import type { RefObject } from 'react'
import { useKeys } from '../keys.ts'
import { adjust, go, useRoute } from '../route.ts'

interface List {
  /** The view's name in the address bar. */
  readonly view: string
  readonly box: RefObject<HTMLInputElement | null>
  /** The ids that the list shows, from the top. */
  shown(): readonly string[]
  toggleFollow(): void
}

/** The keys of a list with one item opened beside it: up and down, to the filter, and back out step by step. */
export function useListKeys({ view, box, shown, toggleFollow }: List): void {
  const { path, query } = useRoute()
  const [opened] = path
  const move = (by: 1 | -1) => {
    const ids = shown()
    if (ids.length === 0) return
    const at = opened === undefined ? -1 : ids.indexOf(opened)
    const next = ids[Math.min(ids.length - 1, Math.max(0, at === -1 ? 0 : at + by))]!
    if (opened === undefined) go(view, [next], query)
    else adjust(view, [next], query)
  }
  useKeys({
    '/': () => box.current?.focus(),
    f: toggleFollow,
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Escape: () => {
      if (document.activeElement === box.current) return box.current?.blur()
      if (opened !== undefined) return go(view, [], query)
      return query === '' ? false : adjust(view, [], '')
    },
  })
}
