import { processWide } from './process-wide.ts'

/** The number of observers that want the line of each statement. */
const readers = processWide('site readers', () => ({ count: 0 }))

/** Whether an observer wants the line of each statement. Capturing and reading it costs more than the rest of a message. */
export const sitesAreWanted = (): boolean => readers.count > 0

/** Requests the line of each statement until the returned function is called. */
export function wantSites(): () => void {
  let isWanted = true
  readers.count++
  return () => {
    if (isWanted) readers.count--
    isWanted = false
  }
}
