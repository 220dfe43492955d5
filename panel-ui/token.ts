const KEY = 'enginelight token'

/**
 * The token in the URL that the process printed, `#t=…`. It moves to a storage at once and out of the address bar, so
 * that it is in no history, no screenshot and no copied link.
 */
export function takeToken(): string | null {
  const match = /^#t=([^&/]+)(?:&?(\/.*))?$/.exec(location.hash)
  if (!match) return stored('sessionStorage') ?? stored('localStorage')
  const token = decodeURIComponent(match[1]!)
  store('sessionStorage', token)
  history.replaceState(null, '', `${location.pathname}${location.search}${match[2] ? `#${match[2]}` : ''}`)
  return token
}

/**
 * On an origin of the panel's own a token that was right serves other tabs and pasted links too. Mounted in an application it
 * stays with this tab: every script of the application can read what is stored there.
 */
export function keepToken(token: string): void {
  store('localStorage', token)
}

/** A token that was refused is of no use to another tab. */
export function dropToken(): void {
  for (const name of ['sessionStorage', 'localStorage'] as const) {
    try {
      globalThis[name].removeItem(KEY)
    } catch {
      // As below.
    }
  }
}

function store(name: 'sessionStorage' | 'localStorage', token: string): void {
  try {
    globalThis[name].setItem(KEY, token)
  } catch {
    // Storage is switched off: the token lasts as long as this page.
  }
}

function stored(name: 'sessionStorage' | 'localStorage'): string | null {
  try {
    return globalThis[name].getItem(KEY)
  } catch {
    return null
  }
}
