import { onReady } from '../dialect/ready.ts'
import { isClosed, type PgClient } from './driver.ts'

/** As `onReady`, at once where everything is answered, or nothing will be. */
export function whenReady(driver: PgClient, then: (isOpen: boolean) => void): void {
  if (isClosed(driver)) then(false)
  else if (driver.readyForQuery !== false) then(true)
  else onReady(driver, then)
}
