/** What knex keeps of the stack that made a builder (`asyncStackTraces`), and how many lines at its top are knex's own. */
interface AsyncStack {
  lines: number
}

interface Stacked {
  readonly client?: Stacked
  readonly config?: { readonly asyncStackTraces?: unknown }
  readonly _asyncStack?: AsyncStack
}

/** A shadow is one frame: `apply` and whatever else is built into the engine have none. */
const FRAMES = 1

/** Lets knex capture as much below our frame as it would without it. Undefined where it captures nothing. */
export function beforeStack(maker: unknown): (() => void) | undefined {
  const { client, config } = maker as Stacked
  if (!(client?.config ?? config)?.asyncStackTraces) return undefined
  const limit = Error.stackTraceLimit
  try {
    Error.stackTraceLimit = limit + FRAMES
    return () => void (Error.stackTraceLimit = limit)
  } catch {
    // An application may have frozen its intrinsics: the last line of a long stack is missing then.
    return () => {}
  }
}

/** Lets knex cut our frame off the stack together with its own, which it knows by their number alone. */
export function withoutOurFrame(made: unknown, maker: unknown): void {
  const stack = (made as Stacked | null)?._asyncStack
  if (stack && stack !== (maker as Stacked)._asyncStack) stack.lines += FRAMES
}
