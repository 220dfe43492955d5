import { editorLink, useEditor } from '../editor.ts'
import { Site } from './site.tsx'

/** A line of the application that opens in the reader's editor, if one is chosen in Health. Never inside another link. */
export function SiteLink({ site }: { site: string }) {
  const link = editorLink(site, useEditor())
  return link === null ? (
    <Site site={site} />
  ) : (
    <a className="site-link" href={link} title={`Open ${site} in the editor`}>
      <Site site={site} />
    </a>
  )
}
