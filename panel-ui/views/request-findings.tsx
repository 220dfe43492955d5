import './request-findings.css'
import type { Finding } from '../../instrumentation/model/finding.ts'
import { CopyButtons } from '../components/copy-buttons.tsx'
import { SiteLink } from '../components/site-link.tsx'
import { findingMarkdown } from '../model/copied.ts'

/** What is wrong with a request, all of it; the sentence above tells the first. */
export function RequestFindings({ findings }: { findings: readonly Finding[] }) {
  // The process and the page may both have found one.
  const different = [...new Map(findings.map(finding => [finding.key, finding])).values()]
  if (different.length === 0) return null
  return (
    <ul className="request-findings-list" aria-label="Findings">
      {different.map(finding => (
        <li key={finding.key} data-severity={finding.severity}>
          <p>
            {finding.sentence} {finding.why}
          </p>
          <p>
            {finding.site && <SiteLink site={finding.site} />}
            <CopyButtons offers={[{ as: 'Markdown', text: () => findingMarkdown(finding) }]} />
          </p>
        </li>
      ))}
    </ul>
  )
}
