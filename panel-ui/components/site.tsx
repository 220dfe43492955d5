import './site.css'

/** A line of the application: the file gives way where room is short, the number never does. */
export function Site({ site }: { site: string }) {
  const name = site.slice(site.lastIndexOf('/') + 1)
  const colon = name.lastIndexOf(':')
  return (
    <span className="site" title={site}>
      <span>{colon > 0 ? name.slice(0, colon) : name}</span>
      {colon > 0 && <b>{name.slice(colon)}</b>}
    </span>
  )
}
