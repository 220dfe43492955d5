/** The application's options. All are optional. */
export interface EnginelightInstrumentationConfig {
  /** Whether to listen from construction on. Default true. */
  enabled?: boolean
  /**
   * Whether `db.query.text` is set. `parameterised` replaces every literal in an unparameterised text; `none` sets no
   * text. Default `parameterised`.
   */
  statementText?: 'parameterised' | 'none'
  /** The length at which `db.query.text` is cut, in characters. Default 2048. */
  maxTextLength?: number
  /**
   * Whether a span's status has the error's own message and those of its causes. PostgreSQL quotes values and pieces of
   * statements in them, so by default it is `DatabaseError (42P01)`. Default false.
   */
  errorMessages?: boolean
  /**
   * Whether COMMIT, ROLLBACK, SAVEPOINT and the like have spans of their own. They always count in the metrics. Default
   * true.
   */
  controlStatements?: boolean
  /**
   * Whether BEGIN has a span too. The transaction's span starts where BEGIN was sent; a failed BEGIN always has a span.
   * Default false.
   */
  beginSpans?: boolean
  /**
   * Whether the spans of statements, transactions, check-outs and commits have the application's line
   * (`code.file.path`, `code.line.number`). Capturing and reading lines costs more than the spans. The holders named by
   * a failed check-out always have theirs. Default false.
   */
  lines?: boolean
  /** A check-out that waited longer has a span; so has each that failed. Milliseconds, default 1. */
  checkoutSpanThresholdMs?: number
  /** Whether each request or scope has an INTERNAL span above its sessions: for processes without HTTP instrumentation. Default false. */
  requestSpans?: boolean
}

export type Options = Required<EnginelightInstrumentationConfig>

const DEFAULTS: Options = {
  enabled: true,
  statementText: 'parameterised',
  maxTextLength: 2048,
  errorMessages: false,
  controlStatements: true,
  beginSpans: false,
  lines: false,
  checkoutSpanThresholdMs: 1,
  requestSpans: false,
}

export function withDefaults(config: EnginelightInstrumentationConfig): Options {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
  return { ...DEFAULTS, ...given }
}
