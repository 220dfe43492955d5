import { processWide } from './process-wide.ts'

/** How many observers are somebody's who develops the application. */
const lookers = processWide('developers', () => ({ count: 0 }))

const isSaid = process.env['NODE_ENV'] === 'development'

/** Whether somebody develops here: what costs a little may be told, and what is for no one else's eyes. */
export const isDevelopment = (): boolean => isSaid || lookers.count > 0

/** Says so until the returned function is called. */
export function developerLooks(): () => void {
  let looks = true
  lookers.count++
  return () => {
    if (looks) lookers.count--
    looks = false
  }
}
