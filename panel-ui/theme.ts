/** The reader's choice; `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark'

const ORDER: readonly Theme[] = ['auto', 'light', 'dark']
const KEY = 'enginelight theme'
const systemIsDark = matchMedia('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()
let theme: Theme = stored()

/** The chosen theme, set on the document's root, where `theme.css` looks for it. */
export const themeStore = {
  get: (): Theme => theme,
  subscribe(listener: () => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
  next(): void {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]!
    try {
      localStorage.setItem(KEY, theme)
    } catch {
      // Storage is switched off: the choice lasts as long as this page.
    }
    paint()
  },
  start(): void {
    systemIsDark.addEventListener('change', paint)
    paint()
  },
}

function paint(): void {
  const isDark = theme === 'dark' || (theme === 'auto' && systemIsDark.matches)
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
  for (const listener of listeners) listener()
}

function stored(): Theme {
  try {
    return ORDER.find(choice => choice === localStorage.getItem(KEY)) ?? 'auto'
  } catch {
    return 'auto'
  }
}
