import { describe } from '../channels/describe.ts'
import { EnginelightError } from '../channels/errors.ts'
import { ANYTHING, byNameAlone, checkOptions, need, SIGNAL, TEXT, type Needs } from '../channels/options.ts'
import type { OpenOptions } from './engines.ts'

const OPENING: Needs<OpenOptions> = { request: ANYTHING, signal: SIGNAL, label: TEXT }
const CLOSING: Needs<{ graceMs?: number }> = {
  graceMs: need('a number of milliseconds from 0', value => typeof value === 'number' && value >= 0),
}

/** Checks the options of `scope` and `open`. */
export function checkOpening(call: 'scope()' | 'open()', options: unknown): void {
  checkOptions({ name: call }, options, OPENING)
}

export function checkScope(fn: unknown, options: unknown): void {
  if (typeof fn !== 'function')
    throw new EnginelightError(
      'EL_CONFIG',
      `scope() takes a function, which is given db, and not ${describe(fn)}.`,
      { option: 'fn' },
    )
  checkOpening('scope()', options)
}

export function checkClosing(options: unknown): void {
  checkOptions({ name: 'close()', wrong: byNameAlone }, options, CLOSING)
}
