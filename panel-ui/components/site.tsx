import './site.css'

/** A line of the application. Where room is short its beginning is cut, because the reader looks for its number. */
export function Site({ site }: { site: string }) {
  return (
    <span className="site" title={site}>
      <bdi dir="ltr">{site.slice(site.lastIndexOf('/') + 1)}</bdi>
    </span>
  )
}
