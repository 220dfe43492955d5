import type { Budgets } from './budgets.ts'
import type { Engine, PanelState } from '../model/state.ts'

/** When something on one engine is a finding, in milliseconds. From the engine's own options. */
export interface EngineLimits {
  /** A transaction with nothing to do is worth a look from here on … */
  readonly idleInTransactionMs: number
  /** … and too long from here on. */
  readonly idleTooLongMs: number
  readonly heldTooLongMs: number
  readonly checkoutTimeoutMs: number
}

/** When something is a finding. Node and the page make them from the same rows. */
export interface Thresholds {
  readonly engines: ReadonlyMap<string, EngineLimits>
  /** Where all is well, less time than this passes between the response and the last release. */
  readonly releaseMs: number
  /** Fewer similar statements than this are not a pattern. */
  readonly similarFrom: number
  /** How many statements a request may send, by its route. */
  readonly budgets: Budgets
  /** How long a failed attempt to connect, or a stall or a warning, stays news. */
  readonly connectFailedForMs: number
  readonly stalledForMs: number
}

export const RELEASE_MS = 250
export const SIMILAR_FROM = 5
/** An engine that allows less than this to be idle gets its own limit here, too. */
const LOOK_AT_IDLE_MS = 500

const known = new WeakMap<PanelState['engines'], Thresholds>()

const NO_BUDGETS: Budgets = {}

/** The thresholds of these engines. The process has told them with the same `budgets`, or its page has. */
export function thresholdsOf(
  { engines }: Pick<PanelState, 'engines'>,
  budgets: Budgets = NO_BUDGETS,
): Thresholds {
  let thresholds = known.get(engines)
  if (thresholds?.budgets !== budgets) {
    thresholds = {
      engines: new Map([...engines].map(([name, engine]) => [name, limitsFrom(engine)])),
      releaseMs: RELEASE_MS,
      similarFrom: SIMILAR_FROM,
      budgets,
      connectFailedForMs: 10_000,
      stalledForMs: 60_000,
    }
    known.set(engines, thresholds)
  }
  return thresholds
}

/** The limits of an engine. One that is not known any more has none that could be passed. */
export const limitsOf = ({ engines }: Thresholds, engine: string): EngineLimits =>
  engines.get(engine) ?? NO_LIMITS

const NO_LIMITS: EngineLimits = {
  idleInTransactionMs: LOOK_AT_IDLE_MS,
  idleTooLongMs: Infinity,
  heldTooLongMs: Infinity,
  checkoutTimeoutMs: 0,
}

function limitsFrom({ heldWarningMs, idleInTransactionWarningMs, checkoutTimeoutMs }: Engine): EngineLimits {
  const idleTooLongMs = idleInTransactionWarningMs ?? Infinity
  return {
    idleInTransactionMs: Math.min(LOOK_AT_IDLE_MS, idleTooLongMs),
    idleTooLongMs,
    heldTooLongMs: heldWarningMs ?? Infinity,
    checkoutTimeoutMs,
  }
}
