import { isTextAndValues } from '../dialect/statement.ts'
import { isSubmittable } from './driver.ts'

/**
 * What of a statement's config is no text and must be one; undefined for one that pg can write. pg throws for it in the middle of
 * a message, never answers on that connection again, and sends the half message along with the next of any connection.
 */
export function unwritable(config: unknown): { what: 'text' | 'name'; value: unknown } | undefined {
  if (isTextAndValues(config) || typeof config !== 'object' || config === null) return undefined
  const { text, name } = (isSubmittable(config) ? (config.cursor ?? config) : config) as {
    text?: unknown
    name?: unknown
  }
  if (name && typeof name !== 'string') return { what: 'name', value: name }
  // Where neither is a text pg says so itself.
  const isSent = name || isSubmittable(config)
  return text && typeof text !== 'string' && isSent ? { what: 'text', value: text } : undefined
}
