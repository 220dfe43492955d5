/**
 * The stack that knex keeps of a builder's making (`asyncStackTraces`), and how many lines at its top are knex's own.
 */
interface AsyncStack {
  lines: number
}

interface Stacked {
  readonly client?: Stacked
  readonly config?: { readonly asyncStackTraces?: unknown }
  readonly _asyncStack?: AsyncStack
}

/** A shadow adds one frame: `apply` and other built-ins add none. */
const FRAMES = 1

/** Has knex capture as many frames below ours as it would without us. Undefined where it captures nothing. */
export function beforeStack(maker: unknown): (() => void) | undefined {
  const { client, config } = maker as Stacked
  if (!(client?.config ?? config)?.asyncStackTraces) return undefined
  const limit = Error.stackTraceLimit
  try {
    Error.stackTraceLimit = limit + FRAMES
    return () => void (Error.stackTraceLimit = limit)
  } catch {
    // An application may have frozen its intrinsics: the last line of a long stack is then missing.
    return () => {}
  }
}

/** Has knex cut our frame off the stack together with its own, which it only counts. */
export function withoutOurFrame(made: unknown, maker: unknown): void {
  const stack = (made as Stacked | null)?._asyncStack
  if (stack && stack !== (maker as Stacked)._asyncStack) stack.lines += FRAMES
}
