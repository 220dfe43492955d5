import { processWide } from './process-wide.ts'

/** The number of observers that belong to a developer. */
const lookers = processWide('developers', () => ({ count: 0 }))

const isSaid = process.env['NODE_ENV'] === 'development'

/** Whether a developer is watching: the process may show slower facts, and facts that are for a developer only. */
export const isDevelopment = (): boolean => isSaid || lookers.count > 0

/** Counts a watching developer until the returned function is called. */
export function developerLooks(): () => void {
  let looks = true
  lookers.count++
  return () => {
    if (looks) lookers.count--
    looks = false
  }
}
