import { isTextAndValues, type TextAndValues } from '../dialect/statement.ts'
import { beginsWith, isOneStatement } from './statements.ts'

/** What is said of a statement that can be sent in the middle of others. */
export interface SingleStatement extends TextAndValues {
  readonly rowMode?: unknown
  readonly types?: unknown
}

/** The arguments of pg's `query`, where they are known to be one statement that is sent in the same way whatever is around it. */
export function singleStatement([config, values]: unknown[]): SingleStatement | undefined {
  const given = plainStatement(
    typeof config === 'string' ? { text: config, values: Array.isArray(values) ? values : [] } : config,
  )
  if (!given || given.text === '') return undefined
  if (given.values.length === 0 && !isOneStatement(given.text)) return undefined
  return beginsWith(given.text, COPIES) ? undefined : given
}

/** While it waits for rows the server takes whatever else has been sent for a breach of the protocol, and hangs up. */
const COPIES = /copy\b/iy

/** Of how rows are read the server knows nothing, and the callback has its own way. knex and others hand over what pg does not read. */
const HARMLESS = new Set(['text', 'values', 'rowMode', 'types', 'callback'])

function plainStatement(config: unknown): SingleStatement | undefined {
  if (isTextAndValues(config)) return config
  if (typeof config !== 'object' || config === null) return undefined
  const { text, values = [], rowMode, types } = config as Partial<SingleStatement>
  if (typeof text !== 'string' || !Array.isArray(values)) return undefined
  const isPlain = Object.entries(config).every(([key, value]) => HARMLESS.has(key) || value === undefined)
  return isPlain ? { text, values, rowMode, types } : undefined
}
