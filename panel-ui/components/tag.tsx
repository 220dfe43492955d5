import './tag.css'
import type { ReactNode } from 'react'

export type TagTone = 'good' | 'warn' | 'bad' | 'plain'

/** A short fact, set apart: a status, an SQLSTATE, a count. */
export function Tag({
  tone = 'plain',
  title,
  children,
}: {
  tone?: TagTone
  title?: string
  children: ReactNode
}) {
  return (
    <span className="tag" data-tone={tone} title={title}>
      {children}
    </span>
  )
}
