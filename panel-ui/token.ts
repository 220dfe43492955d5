const KEY = 'enginelight token'

/**
 * The token in the URL that the process printed, `#t=…`. It moves to `sessionStorage` at once and out of the address
 * bar, so that it is in no history, no screenshot and no copied link.
 */
export function takeToken(): string | null {
  const match = /^#t=([^&/]+)(?:&?(\/.*))?$/.exec(location.hash)
  if (!match) return stored()
  const token = decodeURIComponent(match[1]!)
  try {
    sessionStorage.setItem(KEY, token)
  } catch {
    // Storage is switched off: the token lasts as long as this page.
  }
  history.replaceState(null, '', `${location.pathname}${location.search}${match[2] ? `#${match[2]}` : ''}`)
  return token
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY)
  } catch {
    return null
  }
}
