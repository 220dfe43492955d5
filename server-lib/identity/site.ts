import { fileURLToPath } from 'node:url'
import { isOwnCode, type Place } from './own-code.ts'

/** A place in the application's source: the line that asked for a connection or sent a statement. */
export interface Site {
  /** `src/routes/orders.ts:41`, relative to the working directory. */
  readonly label: string
  /** Up to eight frames of the application, nearest first: `placeOrder (src/routes/orders.ts:41:19)`. */
  readonly frames: readonly string[]
}

/** A stack that was captured and not yet read. */
export class SiteCapture {
  /** Put here by V8, which makes its text when it is read: that costs far more than capturing. */
  declare readonly stack: unknown
  reading?: Reading | undefined = undefined
}

/** Stands for the line of a check-out that happened before we looked, or that was not worth a look. */
export const NO_LINE: SiteCapture = { stack: '' }

/** What a captured stack says. Unlike the capture it holds on to none of the functions on the stack. */
interface Reading {
  readonly site: Site | null
  /** Whether the stack begins in a `then`, which only the engine itself calls without a caller. */
  readonly isThenableJob: boolean
}

const FRAMES_KEPT = 8
/** Deep enough to climb out of knex, an ORM and a framework; V8's own limit of 10 is not. */
const FRAMES_CAPTURED = 40

type Callable = (...args: any[]) => unknown

const OWN_TESTS = /\.(test|spec)\.[cm]?[jt]s$/

/**
 * Remembers where we are, cheaply. Read it with `siteOf` when somebody wants to know. With `below`, frames begin at the
 * caller of that function: each that is kept costs.
 */
export function captureSite(frames = FRAMES_CAPTURED, below: Callable = captureSite): SiteCapture {
  const capture = new SiteCapture()
  const limit = Error.stackTraceLimit
  try {
    Error.stackTraceLimit = frames
  } catch {
    // An application may have frozen its intrinsics; then its own limit holds.
    Error.captureStackTrace(capture, below)
    return capture
  }
  Error.captureStackTrace(capture, below)
  Error.stackTraceLimit = limit
  return capture
}

/** The application's line in a captured stack, or null when no frame of it belongs to the application. */
export function siteOf(capture: SiteCapture | null | undefined): Site | null {
  if (!capture) return null
  return (capture.reading ??= read(capture)).site
}

/** Whether a captured stack is that of a job for a thenable: what an `await` does when it gets something with a `then`. */
export function isThenableJob(capture: SiteCapture): boolean {
  return (capture.reading ??= read(capture)).isThenableJob
}

/**
 * Reads a stack by its frames, a quarter of the price of its text. Only where nobody else has a say in what a stack
 * looks like: a source map or a loader of the application's is asked by its text.
 */
function read(capture: SiteCapture): Reading {
  let reading: Reading | undefined
  const prepare = Error.prepareStackTrace
  if (isNodes(prepare) && !process.sourceMapsEnabled) {
    try {
      // What it returns becomes the stack: nothing that is live.
      Error.prepareStackTrace = (_, frames) => {
        reading = readFrames(frames)
        return ''
      }
      void capture.stack
    } catch {
      // Frozen intrinsics.
    } finally {
      if (Error.prepareStackTrace !== prepare) (Error as Replaceable).prepareStackTrace = prepare
    }
  }
  return reading ?? readText(capture.stack)
}

type Replaceable = { prepareStackTrace: typeof Error.prepareStackTrace | undefined }

/** Node has none, or one of its own by this name. */
const isNodes = (prepare: typeof Error.prepareStackTrace | undefined): boolean =>
  prepare === undefined || prepare.name === 'ErrorPrepareStackTrace'

function readFrames(callSites: readonly NodeJS.CallSite[]): Reading {
  const frames: ApplicationFrame[] = []
  for (const callSite of callSites) {
    const frame = frameAt(callSite)
    if (frame && frames.push(frame) === FRAMES_KEPT) break
  }
  const site = siteFrom(frames)
  if (site) return { site, isThenableJob: false }
  const outermost = callSites.findLast(callSite => !callSite.getFileName()?.startsWith('node:internal/'))
  return { site, isThenableJob: outermost !== undefined && IN_THEN.test(textOf(outermost)) }
}

function readText(stack: unknown): Reading {
  const site = parseSite(stack)
  if (site || typeof stack !== 'string') return { site, isThenableJob: false }
  const outermost = stack.split('\n').findLast(line => !/\(?node:internal\//.test(line))
  return { site, isThenableJob: outermost !== undefined && IN_THEN.test(outermost) }
}

/** The line that the frame is in the text of a stack. */
const textOf = (callSite: { toString(): string }): string => `at ${callSite.toString()}`

const IN_THEN = /^\s*at (?:\S+\.)?then \(/

/** Application frames of a stack's text: not Node's, not a dependency's, not our own. */
export function parseSite(stack: unknown): Site | null {
  if (typeof stack !== 'string') return null
  const frames: ApplicationFrame[] = []
  for (const line of stack.split('\n')) {
    const frame = applicationFrame(line)
    if (frame && frames.push(frame) === FRAMES_KEPT) break
  }
  return siteFrom(frames)
}

function siteFrom(frames: readonly ApplicationFrame[]): Site | null {
  const [nearest] = frames
  return nearest ? { label: nearest.label, frames: frames.map(frame => frame.text) } : null
}

interface ApplicationFrame {
  readonly label: string
  readonly text: string
}

/** Frames of each file by line and column, or null for a file that is not the application's. */
const framesByFile = new Map<string, Map<number, ApplicationFrame | null> | null>()
const FILES_KEPT = 2_000
const PLACES_KEPT = 2_000
const LONGEST_LINE = 2 ** 20

function frameAt(callSite: NodeJS.CallSite): ApplicationFrame | null {
  const file = callSite.getFileName()
  // Code from `eval` has none, and what is built into the engine.
  if (typeof file !== 'string') return callSite.isEval() ? applicationFrame(textOf(callSite)) : null
  let places = framesByFile.get(file)
  if (places === undefined) {
    places = isApplicationFile(pathOf(file)) ? new Map() : null
    if (framesByFile.size >= FILES_KEPT) framesByFile.clear()
    framesByFile.set(file, places)
  }
  if (places === null) return null
  const place = (callSite.getLineNumber() ?? 0) * LONGEST_LINE + (callSite.getColumnNumber() ?? 0)
  let frame = places.get(place)
  if (frame === undefined) {
    frame = applicationFrame(textOf(callSite))
    if (places.size >= PLACES_KEPT) places.clear()
    places.set(place, frame)
  }
  return frame
}

/** Frames by the line of text that they were read from: an application has few, and each costs 5 µs to read. */
const framesByLine = new Map<string, ApplicationFrame | null>()
const LINES_KEPT = 2_000

function applicationFrame(line: string): ApplicationFrame | null {
  const known = framesByLine.get(line)
  if (known !== undefined) return known
  const frame = parseFrame(line)
  let found: ApplicationFrame | null = null
  if (frame && isApplicationFile(frame.file) && !isOurs(frame)) {
    const file = relativeToWorkingDirectory(frame.file)
    const text = `${frame.name || '<anonymous>'} (${file}:${frame.line}:${frame.column})`
    found = { label: `${file}:${frame.line}`, text }
  }
  if (framesByLine.size >= LINES_KEPT) framesByLine.clear()
  framesByLine.set(line, found)
  return found
}

interface Frame {
  name: string
  file: string
  line: number
  column: number
}

const AT = /^\s*at (?:async )?/
const PLACE = /:(\d+):(\d+)\)?$/
/** Of a longer one no part is read: a function's name can be any text. */
const LONGEST_FRAME = 4_096

/** `at name (file:line:column)` or `at file:line:column`, read from both ends: each part once. */
function parseFrame(line: string): Frame | undefined {
  if (line.length > LONGEST_FRAME) return undefined
  const begin = AT.exec(line)?.[0].length
  const place = PLACE.exec(line)
  if (begin === undefined || !place) return undefined
  const text = line.slice(begin, place.index)
  const bracket = text.indexOf(' (')
  const name = bracket < 0 ? '' : text.slice(0, bracket)
  const location = bracket < 0 ? text : text.slice(bracket + 2)
  return { name, file: pathOf(location), line: Number(place[1]), column: Number(place[2]) }
}

/** A location can be anything that a loader or a `sourceURL` comment made up: what is no path stays as it is. */
function pathOf(location: string): string {
  if (!location.startsWith('file://')) return location
  try {
    return fileURLToPath(location)
  } catch {
    return location
  }
}

function isApplicationFile(file: string): boolean {
  if (file.startsWith('node:') || file === '<anonymous>' || file === 'native') return false
  if (/[\\/]node_modules[\\/]/.test(file)) return false
  return true
}

/** By the place and not by the file, which in a bundle is the application's as well. */
const isOurs = (frame: Frame): boolean => isOwnCode(frame, placeOf) && !OWN_TESTS.test(frame.file)

function placeOf({ stack }: Error): Place | undefined {
  for (const line of typeof stack === 'string' ? stack.split('\n') : []) {
    const frame = parseFrame(line)
    if (frame) return frame
  }
  return undefined
}

function relativeToWorkingDirectory(file: string): string {
  const root = `${workingDirectory()}/`
  return file.startsWith(root) ? file.slice(root.length) : file
}

function workingDirectory(): string {
  try {
    return process.cwd()
  } catch {
    // The directory was removed under the process.
    return ''
  }
}
