import { lazy, type ComponentType, type LazyExoticComponent } from 'react'
import { NotLoaded } from './not-loaded.tsx'

const loads: (() => Promise<unknown>)[] = []

/** A view, or a part of one, that is loaded when it is first shown, or by `loadAll`. */
export function lazyView<N extends string, P = {}>(
  name: N,
  load: () => Promise<{ readonly [K in N]: ComponentType<P> }>,
): LazyExoticComponent<ComponentType<P>> {
  loads.push(load)
  return lazy(() =>
    load().then(
      module => ({ default: module[name] }),
      () => ({ default: NotLoaded as ComponentType<P> }),
    ),
  )
}

/** Loads all views while the process is there to send them: the page outlives it. */
export function loadAll(): void {
  // One that fails is asked for again when it is shown.
  for (const load of loads) load().catch(() => {})
}
