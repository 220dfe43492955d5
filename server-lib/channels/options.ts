import { describe } from './describe.ts'
import { EnginelightError, type ErrorCode, type ErrorFields } from './errors.ts'

/** What a value must be, with the words for it in an error. */
export interface Need {
  readonly words: string
  readonly is: (value: unknown) => boolean
  /** How an error shows a wrong value. Default: by its kind alone, because it could be a credential. */
  readonly given?: ((value: unknown) => string) | undefined
  /** Whether it cannot be left out. */
  readonly isRequired?: boolean
}

/** The options of a call, in the order in which they are named and checked. */
export type Needs<Options> = { readonly [Option in keyof Options]-?: Need }

/** What takes the options, and the sentences of its errors that differ from the usual ones. */
export interface Asker {
  /** The start of the error's sentence: `open()`, `Engine "writer"`. */
  readonly name: string
  /** The option whose value these options are: `retry`. */
  readonly within?: string
  readonly code?: ErrorCode
  readonly fields?: ErrorFields
  readonly given?: (value: unknown) => string
  readonly noObject?: (given: string, known: string) => string
  readonly noOption?: (option: string, known: string) => string
  readonly wrong?: (option: string, needs: string, given: string) => string
}

// setTimeout fires at once beyond 2^31 - 1, and PostgreSQL accepts no more either.
const LONGEST_MS = 2 ** 31 - 1

export const need = (words: string, is: Need['is'], given?: Need['given']): Need => ({ words, is, given })
export const required = (need: Need): Need => ({ ...need, isRequired: true })

/** The sentence for options that need no name of a call in front. */
export const byNameAlone = (option: string, needs: string, given: string) =>
  `Option ${option} must be ${needs}, not ${given}.`

/** A value that is checked elsewhere, or not at all. */
export const ANYTHING = need('anything', () => true)
export const BOOLEAN = need('true or false', value => typeof value === 'boolean')
export const NUMBER = need('a number', value => Number.isFinite(value))
export const TEXT = need('a text', value => typeof value === 'string')
export const SIGNAL = need('an AbortSignal', value => value instanceof AbortSignal)
export const aFunction = (words: string) => need(words, value => typeof value === 'function')
export const notEmpty = (words: string) => need(words, value => typeof value === 'string' && value !== '')
export const oneOf = (options: readonly string[]) =>
  need(options.map(one => `'${one}'`).join(' or '), value => options.includes(value as string))
export const whole = (words: string, least: number, most = Number.MAX_SAFE_INTEGER) =>
  need(words, value => Number.isInteger(value) && Number(value) >= least && Number(value) <= most)
export const milliseconds = (least = 1) =>
  whole(`a whole number of milliseconds from ${least} to ${LONGEST_MS}`, least, LONGEST_MS)
export const orFalse = ({ words, is }: Need) =>
  need(`${words}, or false`, value => value === false || is(value))

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Throws EL_CONFIG when the options are no object, when an option is unknown, and at the first wrong value. */
export function checkOptions<Options>(asker: Asker, options: unknown, needs: Needs<Options>): void {
  if (!isObject(options)) throw noObject(asker, options, needs)
  for (const option of Object.keys(options))
    if (!Object.hasOwn(needs, option)) throw noOption(asker, option, needs)
  for (const [option, need] of Object.entries<Need>(needs)) {
    const value = options[option]
    if (!need.is(value) && (value !== undefined || need.isRequired)) throw wrong(asker, option, need, value)
  }
}

function noObject(asker: Asker, options: unknown, needs: object): EnginelightError {
  const { name, within } = asker
  const known = Object.keys(needs).join(', ')
  const given = describe(options)
  const takes = within === undefined ? ' takes its options as' : `: option ${within} must be`
  const sentence = asker.noObject?.(given, known) ?? `${name}${takes} an object with ${known}, not ${given}.`
  return refusal(asker, within ?? 'options', sentence)
}

function noOption(asker: Asker, option: string, needs: object): EnginelightError {
  const known = Object.keys(needs)
  const all = known.join(', ')
  const full = fullName(asker, option)
  const sentence =
    asker.noOption?.(option, all) ?? `${asker.name}: there is no option ${full}; there are ${all}.`
  return refusal(asker, full, sentence, known)
}

function wrong(asker: Asker, option: string, { words, given }: Need, value: unknown): EnginelightError {
  const shown = (given ?? asker.given ?? describe)(value)
  const full = fullName(asker, option)
  const sentence =
    asker.wrong?.(option, words, shown) ?? `${asker.name}: option ${full} must be ${words}, not ${shown}.`
  return refusal(asker, full, sentence)
}

const fullName = ({ within }: Asker, option: string) =>
  within === undefined ? option : `${within}.${option}`

function refusal({ code = 'EL_CONFIG', fields }: Asker, option: string, sentence: string, known?: string[]) {
  return new EnginelightError(code, sentence, { option, ...fields, ...(known && { known }) })
}
