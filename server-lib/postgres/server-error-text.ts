import { conditionName } from './condition-names.ts'

/** What pg tells of an error of the server, beside its message. */
interface ServerError extends Error {
  readonly severity?: unknown
  readonly position?: unknown
  readonly file?: unknown
  readonly routine?: unknown
  readonly schema?: unknown
  readonly table?: unknown
  readonly column?: unknown
  readonly constraint?: unknown
  readonly dataType?: unknown
}

/**
 * An error of the server without its message: the condition's name, where in the statement, on which table, raised by
 * which routine. PostgreSQL quotes values and pieces of the statement in messages of any class, so none is shown.
 */
export function serverErrorText(sqlstate: string, error: ServerError): string {
  const { severity, position, routine } = error
  const raisedBy = [word(severity), word(routine)].filter(Boolean).join(', ')
  return [
    conditionName(sqlstate) ?? 'a condition of the application',
    typeof position === 'string' && /^\d{1,10}$/.test(position) ? ` at character ${position}` : '',
    namesOf(error),
    raisedBy && ` (${raisedBy})`,
  ].join('')
}

/**
 * The files of the server that put the name of a table, constraint or type into an error. A function's RAISE can put
 * anything there, and comes from another file.
 */
const NAMING_FILES = new Set([
  'constraint.c',
  'domains.c',
  'execExprInterp.c',
  'execIndexing.c',
  'execMain.c',
  'nbtinsert.c',
  'ri_triggers.c',
  'tablecmds.c',
  'tuplesort.c',
  'tuplesortvariants.c',
  'typecmds.c',
])

function namesOf({ file, schema, table, column, constraint, dataType }: ServerError): string {
  if (typeof file !== 'string' || !NAMING_FILES.has(file)) return ''
  const named = Object.entries({ schema, table, column, constraint, 'data type': dataType })
  const names = named.flatMap(([kind, name]) =>
    typeof name === 'string' && name !== '' && name.length <= LONGEST_NAME ? [`${kind} "${name}"`] : [],
  )
  return names.length === 0 ? '' : ` in ${names.join(', ')}`
}

/** In characters; the server cuts names at 63 bytes. */
const LONGEST_NAME = 64

/** The severity can be in the server's language, the routine is a name of C. */
const word = (value: unknown) =>
  typeof value === 'string' && /^[\p{L}_][\p{L}\p{N}_]{0,62}$/u.test(value) ? value : ''
