import { fileURLToPath } from 'node:url'

/** A place in the application's source: the line that asked for a connection or sent a statement. */
export interface Site {
  /** `src/routes/orders.ts:41`, relative to the working directory. */
  readonly label: string
  /** Up to eight frames of the application, nearest first: `placeOrder (src/routes/orders.ts:41:19)`. */
  readonly frames: readonly string[]
}

/** A stack that was captured and not yet turned into text: capturing costs 2 µs, the text 10 µs. */
export interface SiteCapture {
  readonly stack?: string | undefined
}

const FRAMES_KEPT = 8
/** Deep enough to climb out of knex, an ORM and a framework; V8's own limit of 10 is not. */
const FRAMES_CAPTURED = 40

type Callable = (...args: any[]) => unknown

const OWN_FOLDER = fileURLToPath(new URL('../', import.meta.url))
const OWN_TESTS = /\.(test|spec)\.[cm]?[jt]s$/

/**
 * Remembers where we are, cheaply. Read it with `siteOf` when somebody wants to know. With `below`, frames begin at the
 * caller of that function: each that is kept costs.
 */
export function captureSite(frames = FRAMES_CAPTURED, below: Callable = captureSite): SiteCapture {
  const capture = {} as { stack: string }
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

const sitesByCapture = new WeakMap<SiteCapture, Site | null>()

/** The application's line in a captured stack, or null when no frame of it belongs to the application. */
export function siteOf(capture: SiteCapture | null | undefined): Site | null {
  if (!capture) return null
  let site = sitesByCapture.get(capture)
  if (site === undefined) {
    site = parseSite(capture.stack)
    sitesByCapture.set(capture, site)
  }
  return site
}

/** Application frames of a stack's text: not Node's, not a dependency's, not our own. */
export function parseSite(stack: string | undefined): Site | null {
  if (typeof stack !== 'string') return null
  const frames: string[] = []
  let label: string | undefined
  for (const line of stack.split('\n')) {
    const frame = applicationFrame(line)
    if (!frame) continue
    label ??= frame.label
    frames.push(frame.text)
    if (frames.length === FRAMES_KEPT) break
  }
  return label === undefined ? null : { label, frames }
}

interface ApplicationFrame {
  readonly label: string
  readonly text: string
}

/** Frames by the line of text that they were read from: an application has few, and each costs 5 µs to read. */
const framesByLine = new Map<string, ApplicationFrame | null>()
const LINES_KEPT = 2_000

function applicationFrame(line: string): ApplicationFrame | null {
  const known = framesByLine.get(line)
  if (known !== undefined) return known
  const frame = parseFrame(line)
  let found: ApplicationFrame | null = null
  if (frame && isApplicationFile(frame.file)) {
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

const FRAME = /^\s*at (?:async )?(?:(.*?) \()?(.*?):(\d+):(\d+)\)?$/

function parseFrame(line: string): Frame | undefined {
  const match = FRAME.exec(line)
  if (!match) return undefined
  const [, name = '', location = '', row, column] = match
  const file = pathOf(location)
  return { name, file, line: Number(row), column: Number(column) }
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
  return !file.startsWith(OWN_FOLDER) || OWN_TESTS.test(file)
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
