import { findSourceMap } from 'node:module'

/** A place in a source, as a stack shows it. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** The source of a generated place, by Node's own source maps; undefined where no map has it. */
export function mappedByNode(file: string, line: number, column: number): Place | undefined {
  try {
    const entry = findSourceMap(file)?.findEntry(line - 1, column - 1)
    if (!entry || !('originalSource' in entry) || !entry.originalSource) return undefined
    return { file: entry.originalSource, line: entry.originalLine + 1, column: entry.originalColumn + 1 }
  } catch {
    // An invalid map.
    return undefined
  }
}

type Prepare = NonNullable<typeof Error.prepareStackTrace>

/** One frame as written by the application's own `Error.prepareStackTrace`: a loader's function knows the loader's maps. */
export function writtenBy(prepare: Prepare, callSite: NodeJS.CallSite): string | undefined {
  try {
    const text: unknown = prepare.call(Error, NAMELESS, [callSite])
    if (typeof text !== 'string') return undefined
    return text.split('\n').findLast(line => /^\s*at /.test(line))
  } catch {
    return undefined
  }
}

const NAMELESS = new Error()
