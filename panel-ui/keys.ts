import { useEffect, useEffectEvent } from 'react'

/** What each key does; `false` passes it on to outer listeners. */
export type Keys = Readonly<Record<string, () => void | false>>

/** Listens to single keys while the component is shown, but not to typing in a field or to the browser's shortcuts. */
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
