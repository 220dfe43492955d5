import type { DriverCallback, DriverConnection } from './driver.ts'
import { enclosedQuery, type Enclosure } from './enclosed-query.ts'
import { singleStatement } from './single-statement.ts'

/** A statement as a session is asked to send it: with an enclosure around it, kept or failed as one. */
export class EnclosedStatement {
  readonly statement: unknown
  readonly enclosure: Enclosure

  constructor(statement: unknown, enclosure: Enclosure) {
    this.statement = statement
    this.enclosure = enclosure
  }
}

/** Sends it in one round trip where that is possible, else one after the other up to the first that fails. */
export function sendEnclosed(
  driver: DriverConnection,
  { statement, enclosure }: EnclosedStatement,
  callback: DriverCallback,
): void {
  const single = singleStatement([statement])
  const query = single && enclosedQuery(driver, single, callback, enclosure)
  if (query) return void driver.query(query)
  const { before, behind } = enclosure
  sendAll(driver, before, callback, () =>
    driver.query(statement, ((error, result) => {
      if (error) callback(error)
      else sendAll(driver, behind, callback, () => callback(null, result))
    }) satisfies DriverCallback),
  )
}

function sendAll(
  driver: DriverConnection,
  [text, ...others]: readonly string[],
  refuse: DriverCallback,
  then: () => void,
): void {
  if (text === undefined) return then()
  driver.query(text, (error: Error | null) => (error ? refuse(error) : sendAll(driver, others, refuse, then)))
}
