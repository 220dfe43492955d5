import { EnginelightError } from '../channels/errors.ts'

const NAME = 'ENGINELIGHT_DISABLE_TRANSACTION'

let isDisabled: boolean | undefined

/**
 * Whether the environment turns automatic commits off: engines with `transactional: true` then behave like others, and
 * their sessions and containers must be committed explicitly. Read once in the life of the process. Throws EL_CONFIG
 * for a text that is neither 0 nor 1, because `true` would not have its intended effect.
 */
export function transactionsAreDisabled(): boolean {
  return (isDisabled ??= read(process.env[NAME]))
}

function read(text: string | undefined): boolean {
  if (text === undefined || text === '' || text === '0') return false
  if (text === '1') return true
  throw new EnginelightError('EL_CONFIG', `${NAME} must be 0 or 1.`, { option: NAME })
}
