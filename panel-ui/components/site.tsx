import './site.css'
import { LINE_NOT_TAKEN } from '../../server-lib/channels/words.ts'

/** A line of the application. Where room is short its beginning is cut, because the reader looks for its number. */
export function Site({ site }: { site: string }) {
  return (
    <span className="site" title={site}>
      <bdi dir="ltr">{site.slice(site.lastIndexOf('/') + 1)}</bdi>
    </span>
  )
}

/** The line that took a connection. Says so where it was not captured. */
export function HolderLine({ site, isLineTaken }: { site: string | null; isLineTaken: boolean }) {
  if (site !== null) return <Site site={site} />
  return isLineTaken ? null : <span className="dim">{LINE_NOT_TAKEN}</span>
}
