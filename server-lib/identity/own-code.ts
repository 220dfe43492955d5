import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A place in a file, as a frame of a stack says it. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

interface Mark {
  readonly part: string
  readonly here: () => Error
}

interface Range {
  readonly from: Place
  readonly to: Place
}

const marks: Mark[] = []

/**
 * Says where a part of this package begins, and at the second call where it ends. Each published file does so by its
 * first and its last statement: in a bundle the application's code is in the same file, before and behind ours. An error
 * is made when somebody asks, since what a stack says depends on the source maps and loaders of that moment.
 *
 * @public Called by what `scripts/without-fault-points.js` writes.
 */
export function markCode(part: string, here: () => Error): void {
  marks.push({ part, here })
}

/** The file that this code was put into: a file of ours, or a bundle. */
export const OWN_FILE: string = ownFile()
/** Sources are not marked: there the folder says it. */
const SOURCES = OWN_FILE.endsWith('.ts') ? `${dirname(dirname(OWN_FILE))}/` : undefined
/** Whether a bundler has put this code into a file of its own. */
export const IS_BUNDLED: boolean = !/\bown-code\.[jt]s$/.test(OWN_FILE)

let known = 0
let ranges = new Map<string, Range[]>()

/** Whether a place of a generated file, before any source map, is in the code of this package. */
export function isOwnCode(place: Place): boolean {
  if (SOURCES !== undefined && place.file.startsWith(SOURCES)) return true
  if (known !== marks.length) {
    known = marks.length
    ranges = readRanges()
  }
  return (
    ranges.get(place.file)?.some(({ from, to }) => !isBefore(place, from) && !isBefore(to, place)) ?? false
  )
}

/** Parts are loaded one inside of another, and one that failed to load has no end. */
function readRanges(): Map<string, Range[]> {
  const found = new Map<string, Range[]>()
  const begun = new Map<string, Place>()
  for (const { part, here } of marks) {
    const place = placeOf(here)
    const from = begun.get(part)
    if (!place) continue
    if (!from) begun.set(part, place)
    else {
      begun.delete(part)
      found.set(place.file, [...(found.get(place.file) ?? []), { from, to: place }])
    }
  }
  return found
}

const isBefore = (a: Place, b: Place): boolean =>
  a.line < b.line || (a.line === b.line && a.column < b.column)

/** Asked of a stack: `import.meta` is a syntax error in a CommonJS bundle, `__filename` unknown in one of modules. */
function ownFile(): string {
  return placeOf(() => new Error('here'))?.file ?? `${process.cwd()}/unknown.js`
}

/** Where an error is made: the place itself, whatever a source map or a loader makes of it. */
function placeOf(make: () => Error): Place | undefined {
  const { prepareStackTrace: prepare, stackTraceLimit: limit } = Error
  let place: Place | undefined
  try {
    Error.stackTraceLimit = 1
    Error.prepareStackTrace = (_, [callSite]) => {
      const file = callSite?.getFileName()
      if (typeof file === 'string') {
        const [line, column] = [callSite?.getLineNumber() ?? 0, callSite?.getColumnNumber() ?? 0]
        place = { file: file.startsWith('file:') ? fileURLToPath(file) : file, line, column }
      }
      return ''
    }
    void make().stack
  } catch {
    // Frozen intrinsics, or a name that is no path.
  } finally {
    restore(prepare, limit)
  }
  return place
}

function restore(prepare: typeof Error.prepareStackTrace | undefined, limit: number): void {
  try {
    ;(Error as { prepareStackTrace: typeof prepare }).prepareStackTrace = prepare
    Error.stackTraceLimit = limit
  } catch {
    // Frozen intrinsics.
  }
}
