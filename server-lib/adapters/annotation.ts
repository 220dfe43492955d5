import { EnginelightError } from '../channels/errors.ts'
import { describe } from '../channels/describe.ts'

const LONGEST = 1_000

/**
 * What a request says about itself, as settings of a transaction. Throws EL_CONFIG for an invalid setting name or a
 * value that is not text: a value must not be cut or guessed, since an audit may rely on it.
 */
export function settingsOf(annotation: unknown): Record<string, string> | undefined {
  if (typeof annotation !== 'object' || annotation === null) {
    throw wrong(`must return an object, not ${describe(annotation)}`)
  }
  const settings: Record<string, string> = {}
  for (const [name, value] of Object.entries(annotation)) {
    if (value === undefined) continue
    if (!/^[a-z][a-z0-9_]{0,40}$/.test(name)) {
      throw wrong('must use names of lower-case letters, digits and _')
    }
    if (typeof value !== 'string' || value.includes('\0') || value.length > LONGEST) {
      throw wrong(`must give ${name} as a text of at most ${LONGEST} characters, not ${describe(value)}`)
    }
    settings[`enginelight.${name}`] = value
  }
  return Object.keys(settings).length > 0 ? settings : undefined
}

const wrong = (needs: string) =>
  new EnginelightError('EL_CONFIG', `Option annotate ${needs}.`, { option: 'annotate' })
