import { EnginelightError } from '../channels/errors.ts'

const NAME = 'ENGINELIGHT_DISABLE_TRANSACTION'

let isDisabled: boolean | undefined

/**
 * Whether the environment says that nothing is committed by itself: engines with `transactional: true` are plain ones
 * then, whose sessions and containers are committed by name. Read once in the life of the process. Throws EL_CONFIG for a
 * text that is neither 0 nor 1: whoever wrote `true` would not get what he meant.
 */
export function transactionsAreDisabled(): boolean {
  return (isDisabled ??= read(process.env[NAME]))
}

function read(text: string | undefined): boolean {
  if (text === undefined || text === '' || text === '0') return false
  if (text === '1') return true
  throw new EnginelightError('EL_CONFIG', `${NAME} must be 0 or 1.`, { option: NAME })
}
