import { useSyncExternalStore } from 'react'

/** The address bar: `#/requests/u88?q=slow:>100`. */
export interface Route {
  readonly view: string
  readonly path: readonly string[]
  readonly query: string
}

const listeners = new Set<() => void>()
let current = read()

addEventListener('popstate', changed)
addEventListener('hashchange', changed)

/** Goes to a place: Back returns from it. */
export function go(view: string, path: readonly string[] = [], query = ''): void {
  if (write(view, path, query) !== location.hash) history.pushState(null, '', write(view, path, query))
  changed()
}

/** Changes what is shown at a place: Back skips it. */
export function adjust(view: string, path: readonly string[], query: string): void {
  history.replaceState(null, '', write(view, path, query))
  changed()
}

export const routeNow = (): Route => current

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, routeNow)
}

export function write(view: string, path: readonly string[] = [], query = ''): string {
  const parts = [view, ...path].map(encodeURIComponent)
  return `#/${parts.join('/')}${query ? `?q=${encodeURIComponent(query)}` : ''}`
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function changed(): void {
  const next = read()
  if (write(next.view, next.path, next.query) === write(current.view, current.path, current.query)) return
  current = next
  for (const listener of listeners) listener()
}

function read(): Route {
  const [where = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?q=')
  const [view = '', ...path] = where.split('/').filter(Boolean).map(decode)
  return { view, path, query: decode(query) }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
