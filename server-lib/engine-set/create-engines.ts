import { AsyncLocalStorage } from 'node:async_hooks'
import { knowDatabases } from '../databases.ts'
import { gidApplication } from '../commit/gid.ts'
import { EnginelightError } from '../channels/errors.ts'
import type { InContext } from '../pool/in-context.ts'
import { unknownEngine } from '../containers/started-sessions.ts'
import { RESERVED_NAMES, type Definitions } from '../containers/db.ts'
import { ClosingTime } from '../engines/closing-time.ts'
import { describe } from '../channels/describe.ts'
import { BOOLEAN, byNameAlone, checkOptions, need, type Asker, type Needs } from '../channels/options.ts'
import { checkEngine } from '../engines/check-engine.ts'
import { takesPart, type CheckedOptions, type EngineConfig } from '../engines/engine-config.ts'
import { Engine } from '../engines/engine.ts'
import { EngineSet } from './engine-set.ts'
import type { Engines, EnginesOptions } from './engines.ts'
import { handOverOf, HOT_KEY, keepHot, type HandOver } from './hot.ts'

const NEEDS: Needs<EnginesOptions<string>> = {
  application: need('a text', value => value === null || typeof value === 'string'),
  hot: HOT_KEY,
  prefer: need('a list of names', Array.isArray),
  requireTwoPhase: BOOLEAN,
}
const ASKER: Asker = { name: 'createEngines()', wrong: byNameAlone }

/**
 * Checks every engine's options, then opens them all. Makes no connection. Throws EL_CONFIG, EL_RESERVED_NAME,
 * EL_DUPLICATE_ENGINE, EL_UNKNOWN_ENGINE or EL_UNSUPPORTED_CLIENT; then nothing was opened.
 */
export function createEngines<const D extends Definitions>(
  definitions: D,
  options: EnginesOptions<keyof D & string> = {},
): Engines<D> {
  knowDatabases()
  checkOptions(ASKER, options, NEEDS)
  const checked = checkDefinitions(definitions)
  const prefer = checkPrefer(checked, options.prefer)
  // Pools open connections in this context, not in that of the request that first needs one.
  const inContext = AsyncLocalStorage.snapshot() as InContext
  const { application = null, hot, requireTwoPhase = false } = options
  const before = handOverOf(hot)
  const engines = openAll(checked, application, inContext, before)
  const commits = {
    application: gidApplication(application),
    requireTwoPhase,
    engines: [...checked].filter(([, { options }]) => takesPart(options)).map(([name]) => name),
  }
  const set = new EngineSet<D>(engines, prefer, commits, before?.set)
  before?.succeededBy(set)
  if (hot !== undefined) set.forgetHot = keepHot(hot, () => set.handOver())
  return set
}

type Checked = Map<string, { config: EngineConfig; options: CheckedOptions }>

function checkDefinitions(definitions: Definitions): Checked {
  if (typeof definitions !== 'object' || definitions === null || Object.keys(definitions).length === 0) {
    throw new EnginelightError(
      'EL_CONFIG',
      `createEngines needs at least one engine; it was given ${describe(definitions)}.`,
    )
  }
  const isOne =
    typeof (definitions as { config?: { config?: unknown } }).config === 'object' &&
    Object.keys(definitions).length === 1
  if (Array.isArray(definitions) || (isOne && definitions.config?.config === undefined)) {
    throw new EnginelightError(
      'EL_CONFIG',
      'createEngines takes engines by their names: createEngines({ main: engine()({ … }) }).',
    )
  }
  const checked: Checked = new Map()
  const folded = new Map<string, string>()
  for (const [name, definition] of Object.entries(definitions)) {
    checkName(name, folded)
    if (typeof definition !== 'object' || definition === null || !('config' in definition)) {
      throw new EnginelightError(
        'EL_CONFIG',
        typeof definition === 'function'
          ? `Engine "${name}": engine() is called twice; write engine()({ … }), and not engine({ … }).`
          : `Engine "${name}" must be made with engine<Tables>()({ … }); this is ${describe(definition)}.`,
        { engine: name },
      )
    }
    checked.set(name, { config: definition.config, options: checkEngine(name, definition.config) })
  }
  const defaults = [...checked].filter(([, { options }]) => options.isDefault).map(([name]) => name)
  if (defaults.length > 1) {
    throw new EnginelightError(
      'EL_DUPLICATE_ENGINE',
      `Only one engine can be the default; ${defaults.join(' and ')} both say so.`,
      { known: defaults },
    )
  }
  const [first] = checked
  if (defaults.length === 0 && first) first[1].options = { ...first[1].options, isDefault: true }
  return checked
}

function checkName(name: string, folded: Map<string, string>): void {
  if (RESERVED_NAMES.has(name)) {
    throw new EnginelightError(
      'EL_RESERVED_NAME',
      `An engine cannot be called "${name}": a container has something else under that name.`,
      { engine: name },
    )
  }
  if (!/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(name)) {
    throw new EnginelightError(
      'EL_CONFIG',
      `"${name.slice(0, 80)}" is no name for an engine: letters, digits, _ and -, at most 63.`,
      { engine: name.slice(0, 80) },
    )
  }
  const other = folded.get(name.toLowerCase())
  if (other !== undefined) {
    throw new EnginelightError(
      'EL_DUPLICATE_ENGINE',
      `The engines "${other}" and "${name}" differ only in case, and would be taken for one another.`,
      { engine: name },
    )
  }
  folded.set(name.toLowerCase(), name)
}

function checkPrefer(checked: Checked, prefer: readonly string[] | undefined): readonly string[] {
  const known = [...checked.keys()]
  const isAtomic = (name: string) => checked.get(name)?.options.enlist === 'atomic'
  if (prefer === undefined) return known.filter(isAtomic)
  for (const name of prefer) {
    if (!checked.has(name)) throw unknownEngine(name, known)
    if (!isAtomic(name)) {
      throw new EnginelightError(
        'EL_CONFIG',
        `Option prefer names "${name}", which is independent: db.any never chooses it.`,
        { engine: name, option: 'prefer' },
      )
    }
  }
  return prefer
}

function openAll(
  checked: Checked,
  application: string | null,
  inContext: InContext,
  before: HandOver | undefined,
): Map<string, Engine> {
  const kept = EngineSet.poolsOf(before?.set, checked)
  const takeBack = before?.letGo(new Set(kept.keys()))
  const opened = new Map<string, Engine>()
  const open = (name: string, { config, options }: { config: EngineConfig; options: CheckedOptions }) => {
    const heritage = { generation: before?.generations[name] ?? 0, open: kept.get(name) }
    opened.set(name, new Engine(name, config, options, application, inContext, heritage))
  }
  try {
    // The ones that can fail come first.
    for (const [name, one] of checked) if (!kept.has(name)) open(name, one)
    for (const [name, one] of checked) if (kept.has(name)) open(name, one)
  } catch (error) {
    // Engines opened before the failure have no connection yet; they only stop watching.
    const time = new ClosingTime(0)
    for (const name of kept.keys()) opened.get(name)?.discard()
    const closed = [...opened.values()].map(engine => engine.close(time))
    void Promise.all(closed).finally(() => time.stop())
    takeBack?.()
    throw error
  }
  return new Map([...checked.keys()].map(name => [name, opened.get(name) as Engine]))
}
