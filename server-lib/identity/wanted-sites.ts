import { processWide } from './process-wide.ts'

/** How many observers have asked for the line of each statement. */
const readers = processWide('site readers', () => ({ count: 0 }))

/** Whether somebody reads the line of each statement. Capturing and reading it costs more than all else in a message. */
export const sitesAreWanted = (): boolean => readers.count > 0

/** Asks for the line of each statement until the returned function is called. */
export function wantSites(): () => void {
  let isWanted = true
  readers.count++
  return () => {
    if (isWanted) readers.count--
    isWanted = false
  }
}
