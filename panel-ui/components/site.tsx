import './site.css'

/** A line of the application: where room is short it loses its beginning, for its number is what somebody looks for. */
export function Site({ site }: { site: string }) {
  return (
    <span className="site" title={site}>
      <bdi dir="ltr">{site.slice(site.lastIndexOf('/') + 1)}</bdi>
    </span>
  )
}
