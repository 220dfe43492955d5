import { createHash } from 'node:crypto'
import { EnginelightError } from '../channels/errors.ts'
import { ISOLATIONS, type Control, type Isolation, type TransactionModes } from '../dialect/control.ts'
import type { Language } from '../dialect/language.ts'
import type { Texts } from '../dialect/texts.ts'

/**
 * What happens to BEGIN, COMMIT and ROLLBACK sent as text on a connection whose transaction is not the sender's:
 * savepoints, an answer without being sent, or an error. Each policy lets the sender's own savepoints through.
 */
export type ControlPolicy = 'savepoint' | 'ignore' | 'error'

export const CONTROL_POLICIES: readonly ControlPolicy[] = ['savepoint', 'ignore', 'error']

/** One unit that the sender has open: a transaction, as it believes, or a savepoint. */
export interface Unit {
  /** The savepoint that stands for it. */
  readonly savepoint: string
  /** The sender's name for it; null for a transaction. */
  readonly name: string | null
  readonly readOnly: boolean
}

/** What the sender has open, the outermost first. */
export type Units = readonly Unit[]

export const NO_UNITS: Units = []

/** A warning as the server would have sent it. */
export interface Notice {
  readonly severity: 'WARNING'
  readonly code: string
  readonly message: string
}

/** What to do with a text. */
export type Step =
  /** Not transaction control: it is sent as it is. */
  | { readonly act: 'pass' }
  /** It is answered with this command tag, and nothing is sent. */
  | {
      readonly act: 'answer'
      readonly command: string
      readonly notice: Notice | null
      readonly units: Units
    }
  /** This is sent instead, and answered with this command tag. What is open afterwards depends on the result. */
  | {
      readonly act: 'send'
      readonly text: string
      readonly command: string
      readonly units: Units
      readonly unitsAfterError: Units
    }
  | { readonly act: 'refuse'; readonly error: EnginelightError }

export interface Surroundings {
  readonly dialect: Pick<Language, 'reading' | 'texts'>
  readonly policy: ControlPolicy
  /** Whether the transaction has failed by now: then only a rollback is possible. */
  readonly failed: boolean
  /** The isolation of the surrounding transaction, where it is known. */
  readonly isolation?: Isolation | undefined
  /** Whether the library is only allowed to read. */
  readonly onlyReads?: boolean
}

/**
 * What to do with a text from a sender whose transactions are savepoints, given its open units. A COMMIT after a failed
 * statement is answered with ROLLBACK, as the server does; where `failed` was not known in time, RELEASE fails with
 * 25P02.
 */
export function translate(units: Units, text: string, around: Surroundings): Step {
  const { reading } = around.dialect
  const undoing = around.onlyReads ? reading.undoesReadOnly(text) : null
  if (undoing) return refuse(undoing, 'what it is sent on only reads')
  const control = reading.control(text)
  return control ? translateControl(units, control, around) : { act: 'pass' }
}

function translateControl(units: Units, control: Control, around: Surroundings): Step {
  const { words } = control
  switch (control.ask) {
    case 'begin':
      return begin(units, control, around)
    case 'commit':
    case 'rollback':
      return end(units, control, around)
    case 'savepoint':
    case 'release':
    case 'rollback to':
      return named(units, control, around.dialect.texts)
    case 'set transaction':
      return setTransaction(units, control, around)
    case 'session':
      return refuse(
        words,
        'it would outlive the transaction and reach the next user of the connection; SET LOCAL ends with it',
      )
    case 'prepare':
    case 'end prepared':
      return refuse(words, 'a two-phase commit belongs to the owner of the transaction')
    case 'several':
      return refuse(words, 'it stands among other statements in one text; send each by itself')
    case 'unclear':
      return refuse(words, 'the rest of the statement is not known to us')
    default:
      throw control satisfies never
  }
}

// ------------------------------------------------------------------------------------- BEGIN

type Begin = Extract<Control, { ask: 'begin' | 'set transaction' }>

function begin(
  units: Units,
  { words, modes }: Begin,
  { dialect, policy, failed, isolation }: Surroundings,
): Step {
  const { texts } = dialect
  if (policy === 'error') return refusedByPolicy(words)
  const tooStrong = refuseIsolation(words, modes, isolation)
  if (tooStrong) return tooStrong
  if (policy === 'ignore') {
    return modes.readOnly ? refuse(words, 'READ ONLY cannot be ignored') : answer(units, 'BEGIN')
  }
  if (units.some(isTransaction)) {
    // The server refuses anything in this state; only it knows the exact words.
    if (failed) return send(texts.savepoint(nextName()), 'BEGIN', units, units)
    return answer(units, 'BEGIN', ALREADY)
  }
  const unit: Unit = { savepoint: nextName(), name: null, readOnly: modes.readOnly === true }
  return send(opening(texts, unit), 'BEGIN', [...units, unit], units)
}

let names = 0
const nextName = () => `el_b${++names}`

const isTransaction = (unit: Unit) => unit.name === null

/** The server reverts a READ ONLY at the end of the savepoint in which it was set. */
const opening = (texts: Texts, { savepoint: name, readOnly }: Unit) =>
  readOnly ? `${texts.savepoint(name)}; ${texts.readOnlyHere}` : texts.savepoint(name)

const ALREADY: Notice = {
  severity: 'WARNING',
  code: '25001',
  message: 'there is already a transaction in progress',
}
const NONE: Notice = { severity: 'WARNING', code: '25P01', message: 'there is no transaction in progress' }

/** The surrounding transaction cannot be made stronger, and a caller that asks for more relies on it. */
function refuseIsolation(words: string, { isolation }: TransactionModes, has?: Isolation): Step | undefined {
  const known = has ?? 'read committed'
  if (isolation === undefined || ISOLATIONS.indexOf(isolation) <= ISOLATIONS.indexOf(known)) return undefined
  const is = has === undefined ? 'is not known to be that' : `is ${has}`
  return refuse(words, `it asks for ${isolation}, and the transaction that is open ${is}`)
}

function setTransaction(
  units: Units,
  { words, modes }: Begin,
  { dialect, policy, isolation }: Surroundings,
): Step {
  if (policy === 'error') return refusedByPolicy(words)
  const tooStrong = refuseIsolation(words, modes, isolation)
  if (tooStrong) return tooStrong
  if (!modes.readOnly) return answer(units, 'SET')
  // Outside of a savepoint of the sender's own it would hold for all other code as well.
  if (!units.some(isTransaction)) return refuse(words, 'READ ONLY would hold for the whole transaction')
  return send(dialect.texts.readOnlyHere, 'SET', units, units)
}

// ------------------------------------------------------------------------------------- COMMIT and ROLLBACK

type End = Extract<Control, { ask: 'commit' | 'rollback' }>

function end(units: Units, { ask, words, chain }: End, { dialect, policy, failed }: Surroundings): Step {
  const { texts } = dialect
  if (policy === 'error') return refusedByPolicy(words)
  const keeps = ask === 'commit' && !failed
  const command = keeps ? 'COMMIT' : 'ROLLBACK'
  if (policy === 'ignore') return answer(NO_UNITS, command)
  const at = units.findIndex(isTransaction)
  const unit = units[at]
  if (!unit) {
    if (chain) return refuse(words, 'no transaction of the sender is open')
    return answer(units, ask === 'commit' ? 'COMMIT' : 'ROLLBACK', NONE)
  }
  const outer = units.slice(0, at)
  const text = keeps ? texts.releaseSavepoint(unit.savepoint) : texts.rollbackToSavepoint(unit.savepoint)
  // Whatever the result, the sender's transaction is over.
  if (!chain) return send(text, command, outer, outer)
  const next: Unit = { ...unit, savepoint: nextName() }
  return send(`${text}; ${opening(texts, next)}`, command, [...outer, next], outer)
}

// ------------------------------------------------------------------------------------- savepoints

type Named = Extract<Control, { ask: 'savepoint' | 'release' | 'rollback to' }>

/** Savepoints get names of our own: with the sender's names it could release a savepoint of other code. */
function named(units: Units, { ask, words, name }: Named, texts: Texts): Step {
  if (ask === 'savepoint') {
    const unit: Unit = { savepoint: nextNameFor(name), name, readOnly: false }
    return send(texts.savepoint(unit.savepoint), 'SAVEPOINT', [...units, unit], units)
  }
  const at = units.findLastIndex(unit => unit.name === name)
  // A savepoint older than the sender's last BEGIN is out of reach, as it would be on the server.
  const unit = at > units.findLastIndex(isTransaction) ? units[at] : undefined
  if (!unit) return refuse(words, `the sender has no savepoint "${name}" open`, '3B001')
  if (ask === 'release') {
    return send(texts.releaseSavepoint(unit.savepoint), 'RELEASE', units.slice(0, at), units)
  }
  return send(texts.rollbackToSavepointOnly(unit.savepoint), 'ROLLBACK', units.slice(0, at + 1), units)
}

/** A plain identifier, with as much of the sender's name as can be read in the panel. */
function nextNameFor(name: string): string {
  const readable = /^[a-z_][a-z0-9_]{0,30}$/.test(name)
    ? name
    : createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${nextName()}_${readable}`
}

// ------------------------------------------------------------------------------------- steps

function answer(units: Units, command: string, notice: Notice | null = null): Step {
  return { act: 'answer', command, notice, units }
}

function send(text: string, command: string, units: Units, unitsAfterError: Units): Step {
  return { act: 'send', text, command, units, unitsAfterError }
}

function refusedByPolicy(words: string): Step {
  return refuse(words, "transactionControl is 'error'")
}

function refuse(words: string, why: string, sqlstate?: string): Step {
  const error = new EnginelightError(
    'EL_TRANSACTION_CONTROL',
    `${words} is refused on a connection whose transaction has another owner: ${why}.`,
    { move: words, ...(sqlstate !== undefined && { sqlstate }) },
  )
  return { act: 'refuse', error }
}
