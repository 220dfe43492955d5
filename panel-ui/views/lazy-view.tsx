import { lazy, type ComponentType, type LazyExoticComponent } from 'react'
import { NotLoaded } from './not-loaded.tsx'

const loads: (() => Promise<unknown>)[] = []

/** A view that is loaded when it is first shown, or by `loadAll`. */
export function lazyView<N extends string>(
  name: N,
  load: () => Promise<{ readonly [K in N]: ComponentType }>,
): LazyExoticComponent<ComponentType> {
  loads.push(load)
  return lazy(() =>
    load().then(
      module => ({ default: module[name] }),
      () => ({ default: NotLoaded }),
    ),
  )
}

/** Loads all views while the process is there to send them: the page outlives it. */
export function loadAll(): void {
  // One that fails is asked for again when it is shown.
  for (const load of loads) load().catch(() => {})
}
