import type { Finding, FindingKind } from '../model/finding.ts'

/**
 * A finding that is known, by what stays when lines move: its statement, its file and the function around it. One that
 * is muted for good has a reason.
 */
export interface BaselineEntry {
  /** `repetition` for every kind of it: which one it is can depend on the rows of a day. */
  readonly finding: string
  readonly statement: string | null
  readonly file: string | null
  readonly within: string | null
  readonly reason?: string
}

const REPETITION: ReadonlySet<FindingKind> = new Set([
  'n+1',
  'repeated sequence',
  'duplicate statements',
  'similar statements',
])

/** The entry that stands for a finding; null where nothing of it would be the same in the next run. */
export function entryOf({
  kind,
  site,
  place,
}: Pick<Finding, 'kind' | 'site' | 'place'>): BaselineEntry | null {
  const file = site?.replace(/:\d+$/, '') ?? null
  const statement = place?.statement ?? null
  if (file === null && statement === null) return null
  const finding = REPETITION.has(kind) ? 'repetition' : kind
  return { finding, statement: statement && oneLine(statement), file, within: place?.within ?? null }
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

const keyOf = ({ file, within, statement, finding }: BaselineEntry): string =>
  [file, within, statement, finding].map(part => part ?? '').join('\n')

/** Findings that are known and not told again, until their entries are taken out of the file by hand. */
export class Baseline {
  readonly #entries: ReadonlyMap<string, BaselineEntry>
  readonly #met = new Set<string>()

  constructor(entries: readonly BaselineEntry[] = []) {
    this.#entries = new Map(entries.map(entry => [keyOf(entry), entry]))
  }

  get entries(): readonly BaselineEntry[] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  }

  /** Whether a finding is known. Its entry is not stale then. */
  knows(finding: Pick<Finding, 'kind' | 'site' | 'place'>): boolean {
    const entry = entryOf(finding)
    if (!entry || !this.#entries.has(keyOf(entry))) return false
    this.#met.add(keyOf(entry))
    return true
  }

  /** The entries that no finding has met so far: what they stand for was mended, or did not run. */
  stale(): readonly BaselineEntry[] {
    return this.entries.filter(entry => !this.#met.has(keyOf(entry)))
  }

  /** With these findings too. Nothing is taken out: another process may have found what this one did not. */
  with(findings: Iterable<Pick<Finding, 'kind' | 'site' | 'place'>>): Baseline {
    const added = [...findings].flatMap(finding => entryOf(finding) ?? [])
    // An entry that is there keeps its reason.
    return new Baseline([...added, ...this.#entries.values()])
  }

  /** The text of the file: the same for the same entries. */
  toString(): string {
    return `${JSON.stringify({ version: 1, findings: this.entries }, null, 2)}\n`
  }
}

/** What a file says, or why it is no baseline. */
export function parseBaseline(text: string): Baseline | string {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return 'it is not JSON'
  }
  const { version, findings } = (read ?? {}) as { version?: unknown; findings?: unknown }
  if (version !== 1) return 'its version is not 1'
  if (!Array.isArray(findings)) return 'it has no list of findings'
  const wrong = findings.findIndex(entry => !isEntry(entry))
  if (wrong >= 0) return `its finding ${wrong + 1} is not { finding, statement, file, within, reason? }`
  return new Baseline(findings as BaselineEntry[])
}

const isText = (value: unknown) => typeof value === 'string'
const isTextOrNull = (value: unknown) => value === null || isText(value)

function isEntry(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { finding, statement, file, within, reason } = value as Record<string, unknown>
  return (
    isText(finding) &&
    [statement, file, within].every(isTextOrNull) &&
    (reason === undefined || (isText(reason) && reason !== ''))
  )
}
