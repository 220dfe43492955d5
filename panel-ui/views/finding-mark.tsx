import './finding-mark.css'
import { count } from '../../instrumentation/model/format.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'

/** How many things were found here, in the colour of the worst, which comes first. Its title says them. */
export function FindingMark({ findings }: { findings: readonly Finding[] }) {
  const [worst] = findings
  if (!worst) return null
  const said = findings.slice(0, 3).map(({ sentence }) => sentence)
  return (
    <em
      className="finding-mark"
      data-severity={worst.severity}
      role="img"
      aria-label={count(findings.length, 'finding')}
      title={said.join('\n')}
    >
      {findings.length > 1 ? findings.length : '!'}
    </em>
  )
}
