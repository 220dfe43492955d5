import { useEffect, useEffectEvent } from 'react'

/** What a key does here; `false` hands it on to whoever listens further out. */
export type Keys = Readonly<Record<string, () => void | false>>

/** Listens to single keys while the component is shown. Typing in a field and shortcuts of the browser are left alone. */
export function useKeys(keys: Keys): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    const action = keys[event.key]
    if (!action || (isTyping(event.target) && event.key !== 'Escape')) return
    if (event.key === 'Enter' && event.target instanceof HTMLButtonElement) return
    if (action() !== false) event.preventDefault()
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKey(event)
    addEventListener('keydown', listener)
    return () => removeEventListener('keydown', listener)
  }, [])
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.matches('input, textarea, select') || target.isContentEditable)
  )
}
