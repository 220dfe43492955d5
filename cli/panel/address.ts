import { UsageError } from '../usage.ts'

/** Where a panel is reached, and what opens its socket. */
export interface PanelAddress {
  /** Without the token, for sentences. */
  readonly shown: string
  readonly socket: string
  readonly token: string
  /** Null for a door, which only processes of the same user can open. */
  readonly origin: string | null
  /** The Unix socket or pipe of a process of this project; null for a URL. */
  readonly door: string | null
}

/**
 * The address as the panel prints it: `http://127.0.0.1:4401/__enginelight/#t=…`. Throws a UsageError for another, which
 * names where it was `given`.
 */
export function panelAddress(url: string, given: string): PanelAddress {
  const parsed = URL.canParse(url) ? new URL(url) : null
  const [, token = ''] = /^#t=([\w.~-]{16,256})$/.exec(parsed?.hash ?? '') ?? []
  const isWeb = parsed?.protocol === 'http:' || parsed?.protocol === 'https:'
  // The value is not repeated: a token may be in it.
  if (!parsed || !isWeb || token === '')
    throw new UsageError(`${given} must be the panel’s own URL: http://127.0.0.1:4401/__enginelight/#t=…`)
  const { origin, pathname } = parsed
  const page = `${origin}${pathname.endsWith('/') ? pathname : `${pathname}/`}`
  return {
    shown: `the panel at ${page}`,
    socket: `${page.replace(/^http/, 'ws')}socket`,
    origin,
    token,
    door: null,
  }
}
