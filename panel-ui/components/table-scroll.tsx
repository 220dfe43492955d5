import { useEffect, useRef, useState, type ReactNode } from 'react'

/** A wide table in its own scroller. The keyboard can scroll it, and stops there only if there is something to scroll. */
export function TableScroll({ label, children }: { label: string; children: ReactNode }) {
  const scroller = useRef<HTMLDivElement>(null)
  const [isWide, setWide] = useState(false)
  useEffect(() => {
    const { current } = scroller
    if (!current) return
    const observer = new ResizeObserver(() => setWide(current.scrollWidth > current.clientWidth))
    observer.observe(current)
    if (current.firstElementChild) observer.observe(current.firstElementChild)
    return () => observer.disconnect()
  }, [])
  return (
    <div
      ref={scroller}
      className="table-scroll"
      role={isWide ? 'group' : undefined}
      aria-label={isWide ? label : undefined}
      tabIndex={isWide ? 0 : undefined}
    >
      {children}
    </div>
  )
}
