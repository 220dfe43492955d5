import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A place in a file, as a frame of a stack shows it. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

interface Range {
  readonly from: Place
  readonly to: Place
}

const ranges = new Map<string, Range[]>()
/** Open starts: parts are nested while loading, and a part that failed to load has no end. */
const begun = new Map<string, Place>()

/**
 * Marks where a part of this package begins and, at the second call, where it ends. Each published file calls it in its
 * first and its last statement: in a bundle the application's code is in the same file, before and behind ours. The
 * place is read at once: `isOwnCode` is asked while V8 writes a stack, and then V8 calls no other `prepareStackTrace`.
 *
 * @public Called by what `scripts/without-fault-points.js` writes.
 */
export function markCode(part: string, here: () => Error): void {
  const place = placeOf(here)
  if (!place) return
  const from = begun.get(part)
  if (!from) {
    begun.set(part, place)
    return
  }
  begun.delete(part)
  ranges.set(place.file, [...(ranges.get(place.file) ?? []), { from, to: place }])
}

/** The file that holds this code: a file of ours, or a bundle. */
export const OWN_FILE: string = ownFile()
/** Sources are not marked: their folder identifies them. */
const SOURCES = OWN_FILE.endsWith('.ts') ? `${dirname(dirname(OWN_FILE))}/` : undefined
/** Whether a bundler has put this code into a file of its own. */
export const IS_BUNDLED: boolean = !/\bown-code\.[jt]s$/.test(OWN_FILE)

/** Whether a place in a generated file, before any source map, is in the code of this package. */
export function isOwnCode(place: Place): boolean {
  if (SOURCES !== undefined && place.file.startsWith(SOURCES)) return true
  return (
    ranges.get(place.file)?.some(({ from, to }) => !isBefore(place, from) && !isBefore(to, place)) ?? false
  )
}

const isBefore = (a: Place, b: Place): boolean =>
  a.line < b.line || (a.line === b.line && a.column < b.column)

/**
 * Read from a stack: `import.meta` is a syntax error in a CommonJS bundle, and `__filename` is unknown in a bundle of
 * modules.
 */
function ownFile(): string {
  return placeOf(() => new Error('here'))?.file ?? `${process.cwd()}/unknown.js`
}

/** The place where an error is made, regardless of source maps and loaders. */
function placeOf(make: () => Error): Place | undefined {
  const { prepareStackTrace: prepare, stackTraceLimit: limit } = Error
  let place: Place | undefined
  try {
    Error.stackTraceLimit = 1
    Error.prepareStackTrace = (_, [callSite]) => {
      // Code that a bundler evaluates has the name of its `sourceURL`.
      const file = callSite?.getFileName() ?? callSite?.getScriptNameOrSourceURL()
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
