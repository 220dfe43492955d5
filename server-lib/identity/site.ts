import { applicationFamily, fileInFamily, isApplicationFile, pathOf, shownFile } from './application-files.ts'
import { isOwnCode, type Place } from './own-code.ts'
import { mappedByNode, writtenBy } from './mapped-place.ts'

/** A place in the application's source: the line that asked for a connection or sent a statement. */
export interface Site {
  /** `src/routes/orders.ts:41`, relative to the working directory. */
  readonly label: string
  /** Up to eight frames of the application, nearest first: `placeOrder (src/routes/orders.ts:41:19)`. */
  readonly frames: readonly string[]
}

/** A stack that was captured and not yet read. */
export class SiteCapture {
  /** Set by V8, which makes the text only when it is read: that costs far more than capturing. */
  declare readonly stack: unknown
  reading?: Reading | undefined = undefined
}

/** Stands for the line of a check-out that happened before we watched, or whose line was not worth capturing. */
export const NO_LINE: SiteCapture = { stack: '' }

/** What was read from a captured stack. Unlike the capture, it keeps none of the stack's functions alive. */
interface Reading {
  readonly site: Site | null
  /** Whether the site is a line of the application's own, and not of a package that is the application. */
  readonly isOwn: boolean
  /** Whether the stack begins in a `then`, which without a caller only the JavaScript engine calls. */
  readonly isThenableJob: boolean
}

const FRAMES_KEPT = 8
/** Enough to get past knex, an ORM and a framework; V8's own limit of 10 is not. */
const FRAMES_CAPTURED = 40

type Callable = (...args: any[]) => unknown

const OWN_TESTS = /\.(test|spec)\.[cm]?[jt]s$/

/**
 * Captures the current stack, cheaply; read it with `siteOf` when needed. With `below`, frames begin at the caller of
 * that function, because each frame costs.
 */
export function captureSite(frames = FRAMES_CAPTURED, below: Callable = captureSite): SiteCapture {
  const capture = new SiteCapture()
  const limit = Error.stackTraceLimit
  try {
    Error.stackTraceLimit = frames
  } catch {
    // An application may have frozen its intrinsics; then its own limit applies.
    Error.captureStackTrace(capture, below)
    return capture
  }
  Error.captureStackTrace(capture, below)
  Error.stackTraceLimit = limit
  return capture
}

/** The application's line in a captured stack, or null when no frame belongs to the application. */
export function siteOf(capture: SiteCapture | null | undefined): Site | null {
  if (!capture) return null
  return (capture.reading ??= read(capture)).site
}

/** Whether a captured stack has a line of the application outside every package. */
export function hasOwnLine(capture: SiteCapture): boolean {
  return (capture.reading ??= read(capture)).isOwn
}

/** Whether a captured stack is the job for a thenable: what an `await` runs when it gets an object with a `then`. */
export function isThenableJob(capture: SiteCapture): boolean {
  return (capture.reading ??= read(capture)).isThenableJob
}

/**
 * Reads a stack by its frames, at a quarter of the cost of its text. The generated files, before any source map, tell
 * which frames are the application's: a library's map may point to sources that look like the application's.
 */
function read(capture: SiteCapture): Reading {
  let reading: Reading | undefined
  const prepare = Error.prepareStackTrace
  const frameOf: FrameOf = isNodes(prepare) ? frameAt : callSite => frameWrittenBy(prepare, callSite)
  try {
    // The returned value becomes the stack: it must hold nothing live.
    Error.prepareStackTrace = (_, callSites) => {
      reading = readFrames(callSites, frameOf)
      return ''
    }
    void capture.stack
  } catch {
    // Frozen intrinsics.
  } finally {
    if (Error.prepareStackTrace !== prepare) (Error as Replaceable).prepareStackTrace = prepare
  }
  return reading ?? readText(capture.stack)
}

type Replaceable = { prepareStackTrace: typeof Error.prepareStackTrace | undefined }
type FrameOf = (callSite: NodeJS.CallSite) => ApplicationFrame | null

/** Whether the function is Node's: none, or its own by this name. */
const isNodes = (prepare: typeof Error.prepareStackTrace | undefined): prepare is undefined =>
  prepare === undefined || prepare.name === 'ErrorPrepareStackTrace'

function readFrames(callSites: readonly NodeJS.CallSite[], frameOf: FrameOf): Reading {
  const own = siteFrom(firstFrames(callSites, frameOf))
  if (own) return { site: own, isOwn: true, isThenableJob: false }
  const family = applicationFamily()
  const site =
    family === null ? null : siteFrom(firstFrames(callSites, callSite => packagedFrame(callSite, family)))
  const outermost = callSites.findLast(callSite => !callSite.getFileName()?.startsWith('node:internal/'))
  return { site, isOwn: false, isThenableJob: outermost !== undefined && IN_THEN.test(textOf(outermost)) }
}

function firstFrames(callSites: readonly NodeJS.CallSite[], frameOf: FrameOf): ApplicationFrame[] {
  const frames: ApplicationFrame[] = []
  for (const callSite of callSites) {
    const frame = frameOf(callSite)
    if (frame && frames.push(frame) === FRAMES_KEPT) break
  }
  return frames
}

function readText(stack: unknown): Reading {
  const site = parseSite(stack)
  const isOwn = site !== null
  if (isOwn || typeof stack !== 'string') return { site, isOwn, isThenableJob: false }
  const outermost = stack.split('\n').findLast(line => !/\(?node:internal\//.test(line))
  return { site, isOwn, isThenableJob: outermost !== undefined && IN_THEN.test(outermost) }
}

/** The frame's line in the text of a stack. */
const textOf = (callSite: { toString(): string }): string => `at ${callSite.toString()}`

const IN_THEN = /^\s*at (?:\S+\.)?then \(/

/** The application frames in a stack's text: not Node's, not a dependency's, not our own. */
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

/** The frames of each file by line and column; null for a file that is not the application's. */
const framesByFile = new Map<string, Map<number, ApplicationFrame | null> | null>()
const FILES_KEPT = 2_000
const PLACES_KEPT = 2_000
const LONGEST_LINE = 2 ** 20

function frameAt(callSite: NodeJS.CallSite): ApplicationFrame | null {
  const file = callSite.getFileName()
  // Code from `eval` has no file, and neither have V8's built-ins.
  if (typeof file !== 'string') return callSite.isEval() ? applicationFrame(textOf(callSite)) : null
  let places = framesByFile.get(file)
  if (places === undefined) {
    places = isApplicationFile(pathOf(file)) ? new Map() : null
    if (framesByFile.size >= FILES_KEPT) framesByFile.clear()
    framesByFile.set(file, places)
  }
  if (places === null) return null
  const line = callSite.getLineNumber() ?? 0
  const column = callSite.getColumnNumber() ?? 0
  const place = line * LONGEST_LINE + column
  let frame = places.get(place)
  if (frame === undefined) {
    const mapped = process.sourceMapsEnabled ? mappedByNode(file, line, column) : undefined
    if (isOurs(placeOf(callSite))) frame = null
    else if (mapped) frame = frameIn({ ...mapped, name: nameOf(callSite), file: pathOf(mapped.file) })
    else frame = applicationFrame(textOf(callSite))
    if (places.size >= PLACES_KEPT) places.clear()
    places.set(place, frame)
  }
  return frame
}

/** Not cached by place: a loader that reloads has other lines for the same place. */
function frameWrittenBy(
  prepare: NonNullable<typeof Error.prepareStackTrace>,
  callSite: NodeJS.CallSite,
): ApplicationFrame | null {
  const file = callSite.getFileName()
  if (typeof file === 'string' ? !isApplicationFile(pathOf(file)) : !callSite.isEval()) return null
  if (isOurs(placeOf(callSite))) return null
  return applicationFrame(writtenBy(prepare, callSite) ?? textOf(callSite))
}

/** A frame of an application that is itself a package, by its generated file. */
function packagedFrame(callSite: NodeJS.CallSite, family: string): ApplicationFrame | null {
  const file = fileInFamily(pathOf(callSite.getFileName() ?? ''), family)
  if (file === null) return null
  const line = callSite.getLineNumber() ?? 0
  return labelled({ name: nameOf(callSite), file, line, column: callSite.getColumnNumber() ?? 0 })
}

const nameOf = (callSite: NodeJS.CallSite): string => parseFrame(textOf(callSite))?.name ?? ''

/** Frames by the line of text they were read from: an application has few, and reading one costs 5 µs. */
const framesByLine = new Map<string, ApplicationFrame | null>()
const LINES_KEPT = 2_000

function applicationFrame(line: string): ApplicationFrame | null {
  const known = framesByLine.get(line)
  if (known !== undefined) return known
  const frame = parseFrame(line)
  const found = frame && !isOurs(frame) ? frameIn(frame) : null
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
/** A longer line is not read: a function's name can be any text. */
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

/** The frame in its source; null where that is not the application's either. */
const frameIn = (frame: Frame): ApplicationFrame | null =>
  isApplicationFile(frame.file) ? labelled({ ...frame, file: shownFile(frame.file) }) : null

/**
 * Whether a place of a generated file is ours. By place and not by file, because in a bundle the file is the
 * application's too.
 */
const isOurs = (place: Place): boolean => isOwnCode(place) && !OWN_TESTS.test(place.file)

const placeOf = (callSite: NodeJS.CallSite): Place => ({
  file: pathOf(callSite.getFileName() ?? callSite.getScriptNameOrSourceURL() ?? ''),
  line: callSite.getLineNumber() ?? 0,
  column: callSite.getColumnNumber() ?? 0,
})

const labelled = ({ name, file, line, column }: Frame): ApplicationFrame => ({
  label: `${file}:${line}`,
  text: `${name || '<anonymous>'} (${file}:${line}:${column})`,
})
