/** What an application may choose. All of it can be left out. */
export interface EnginelightInstrumentationConfig {
  /** Whether to listen from construction on. Default true. */
  enabled?: boolean
  /** Whether `db.query.text` is set: with every literal of an unparameterised text replaced, or not at all. Default `parameterised`. */
  statementText?: 'parameterised' | 'none'
  /** Where `db.query.text` is cut, in characters. Default 2048. */
  maxTextLength?: number
  /** Whether a span's status carries the error's own message and those of its causes. PostgreSQL quotes values and pieces of statements in them, so by default it says `DatabaseError (42P01)`. */
  errorMessages?: boolean
  /** Whether COMMIT, ROLLBACK, SAVEPOINT and their like have spans of their own. They always count in the metrics. Default true. */
  controlStatements?: boolean
  /** Whether a BEGIN has one too. The transaction's span begins where it was sent; a BEGIN that failed has its span in any case. Default false. */
  beginSpans?: boolean
  /** Whether spans say from which line of the application it was done (`code.file.path`, `code.line.number`): of statements, transactions, check-outs and commits. Taking and reading lines costs more than the spans. The holders that a failed check-out names have theirs in any case. Default false. */
  lines?: boolean
  /** A check-out that waited longer has a span; so has any that failed. Milliseconds, default 1. */
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
