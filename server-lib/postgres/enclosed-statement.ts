import type { DriverCallback } from '../dialect/result.ts'
import type { EnclosedStatement } from '../dialect/statement.ts'
import { isClosed, type PgClient } from './driver.ts'
import { enclosedQuery } from './enclosed-query.ts'
import { whenReady } from './ready.ts'
import { singleStatement } from './single-statement.ts'
import { failureOn } from './sqlstate.ts'

/** Sends it in one round trip where that is possible, else one after the other up to the first that fails. */
export function sendEnclosed(
  driver: PgClient,
  { statement, enclosure }: EnclosedStatement,
  callback: DriverCallback,
): void {
  const single = singleStatement([statement])
  const query = single && enclosedQuery(driver, single, callback, enclosure)
  if (query) return void driver.query(query)
  const { before, behind } = enclosure
  let isTold = false
  const answer: DriverCallback = (error, result) => {
    if (isTold) return
    isTold = true
    if (!error) return sendAll(driver, behind, callback, () => callback(null, result))
    if (failureOn({ isClosed: isClosed(driver), isNative: driver.native !== undefined }, error) !== 'driver')
      return callback(error)
    const refuse = () => callback(error)
    // The driver alone found fault with it: what was opened for it is closed, unless the server did so too.
    whenReady(driver, isOpen => {
      if (!isOpen || driver.getTransactionStatus?.() === 'E') refuse()
      else sendAll(driver, behind, refuse, refuse)
    })
  }
  sendAll(driver, before, callback, () => {
    try {
      driver.query(statement, answer)
    } catch (error) {
      // One that it has taken for its active statement it will never answer.
      if (driver.readyForQuery === false) driver.connection?.stream?.destroy()
      answer(error as Error)
    }
  })
}

function sendAll(
  driver: PgClient,
  [text, ...others]: readonly string[],
  refuse: DriverCallback,
  then: () => void,
): void {
  if (text === undefined) return then()
  driver.query(text, (error: Error | null) => (error ? refuse(error) : sendAll(driver, others, refuse, then)))
}
