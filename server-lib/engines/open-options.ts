import { EnginelightError } from '../channels/errors.ts'
import { describe } from '../channels/describe.ts'

const wrong = (option: string, sentence: string) =>
  new EnginelightError('EL_CONFIG', `${sentence}.`, { option })

/** Throws EL_CONFIG where the options of a call are no object, or have one that it does not know. */
export function checkKnown(call: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw wrong(
      'options',
      `${call} takes its options as an object with ${known.join(', ')}, not ${describe(options)}`,
    )
  const unknown = Object.keys(options).find(option => !known.includes(option))
  if (unknown !== undefined)
    throw wrong(unknown, `${call}: there is no option ${unknown}; there are ${known.join(', ')}`)
}

/** Checks what `scope` and `open` are given. */
export function checkOpening(call: 'scope()' | 'open()', options: unknown): void {
  checkKnown(call, options, ['request', 'signal', 'label'])
  const { signal, label } = (options ?? {}) as { signal?: unknown; label?: unknown }
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrong('signal', `${call}: option signal must be an AbortSignal, not ${describe(signal)}`)
  if (label !== undefined && typeof label !== 'string')
    throw wrong('label', `${call}: option label must be a text, not ${describe(label)}`)
}

export function checkScope(fn: unknown, options: unknown): void {
  if (typeof fn !== 'function')
    throw wrong('fn', `scope() takes a function, which is given db, and not ${describe(fn)}`)
  checkOpening('scope()', options)
}

export function checkClosing(options: unknown): void {
  checkKnown('close()', options, ['graceMs'])
}
