const CONTROL =
  /^\s*(begin|start\s+transaction|commit\s+prepared|rollback\s+prepared|prepare\s+transaction|commit|end|rollback|abort|savepoint|release)\b/i
const TO_SAVEPOINT = /^\s*(?:rollback|abort)(?:\s+(?:work|transaction))?\s+to\b/i

export type ControlOperation =
  | 'BEGIN'
  | 'COMMIT'
  | 'ROLLBACK'
  | 'PREPARE TRANSACTION'
  | 'COMMIT PREPARED'
  | 'ROLLBACK PREPARED'
  | 'SAVEPOINT'
  | 'RELEASE SAVEPOINT'
  | 'ROLLBACK TO SAVEPOINT'

/** The transaction control statement at the beginning of a text, or null. Names and gids are not part of it. */
export function controlOperation(text: string): ControlOperation | null {
  const word = CONTROL.exec(text)?.[1]?.toUpperCase().replace(/\s+/g, ' ')
  switch (word) {
    case undefined:
      return null
    case 'START TRANSACTION':
      return 'BEGIN'
    case 'END':
      return 'COMMIT'
    case 'ROLLBACK':
    case 'ABORT':
      return TO_SAVEPOINT.test(text) ? 'ROLLBACK TO SAVEPOINT' : 'ROLLBACK'
    case 'RELEASE':
      return 'RELEASE SAVEPOINT'
    default:
      return word as ControlOperation
  }
}
