import type { OtherBody } from './held/gate.ts'

/**
 * Reads answers in protocols that report a failure in the body and not in the status: GraphQL, JSON-RPC and tRPC, their
 * batches, and the parts of an incremental answer. Any other body says nothing.
 */

/** What an answer says about its own success. */
export interface Answer {
  readonly hasFailed: boolean
  /** Whether it also reports something that was done, which is true only if the rows are kept. */
  readonly tellsOfMore: boolean
  /** Whether all failures are units of these names, which were undone by themselves. */
  isOnly(undone: readonly string[]): boolean
  /**
   * The status for an answer that reports nothing but failure, where its protocol has one other than that of success.
   */
  readonly failureStatus: 500 | undefined
  /** The same answer, saying that nothing was done. Undefined for an answer in parts, which cannot be reworded. */
  undone(message?: string): OtherBody | undefined
}

type Json = { readonly [key: string]: unknown }

/** How one protocol reports the result of one operation. */
interface Protocol {
  isAnswer(answer: Json): boolean
  hasFailed(answer: Json): boolean
  tellsOfMore(answer: Json): boolean
  /** The names of the failed units; undefined for a failure that is not a unit's. */
  failures(answer: Json): readonly (string | undefined)[]
  /** The answer for an operation that was undone, in the form of the failed ones. */
  undone(answer: Json, message: string, failed: Json | undefined): Json
}

const UNDONE = 'This was undone, since something else in the same request has failed.'

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isErrors = (errors: unknown): boolean =>
  Array.isArray(errors) &&
  errors.length > 0 &&
  errors.every(one => isObject(one) && typeof one.message === 'string')
const hasKeysOf = (answer: Json, known: ReadonlySet<string>) =>
  Object.keys(answer).every(key => known.has(key))

/** A body with other keys is of another protocol, whose `errors` may report what was done all the same. */
const GRAPHQL_KEYS = new Set([
  'data',
  'errors',
  'extensions',
  'hasNext',
  'pending',
  'incremental',
  'completed',
])

const graphql: Protocol = {
  isAnswer: answer => hasKeysOf(answer, GRAPHQL_KEYS) && (isErrors(answer.errors) || isObject(answer.data)),
  hasFailed: answer => isErrors(answer.errors),
  tellsOfMore: ({ data }) => data !== undefined && data !== null,
  // An error below a field, or one that made all data null, concerns more than that field's unit.
  failures: ({ errors, data }) =>
    isErrors(errors)
      ? (errors as Json[]).map(({ path }) =>
          isObject(data) && Array.isArray(path) && path.length === 1 ? String(path[0]) : undefined,
        )
      : [],
  undone: (answer, message) => ({
    ...answer,
    errors: isErrors(answer.errors) ? answer.errors : [{ message }],
    data: null,
  }),
}

const jsonRpc: Protocol = {
  isAnswer: ({ jsonrpc, error, result }) => jsonrpc === '2.0' && (isObject(error) || result !== undefined),
  hasFailed: ({ error }) => isObject(error),
  tellsOfMore: ({ result }) => result !== undefined,
  failures: ({ jsonrpc, error }) => (jsonrpc === '2.0' && isObject(error) ? [undefined] : []),
  undone: ({ id }, message) => ({ jsonrpc: '2.0', error: { code: -32000, message }, id }),
}

/** A data transformer puts the converted error under `json`. */
const trpcError = ({ error }: Json): Json | undefined => {
  const inner = isObject(error) && isObject(error.json) ? error.json : error
  const isError = isObject(inner) && typeof inner.message === 'string' && typeof inner.code === 'number'
  return isError ? inner : undefined
}

const TRPC_KEYS = new Set(['result', 'error', 'id'])

const trpc: Protocol = {
  isAnswer: answer =>
    hasKeysOf(answer, TRPC_KEYS) && (isObject(answer.result) || trpcError(answer) !== undefined),
  hasFailed: answer => trpcError(answer) !== undefined,
  tellsOfMore: ({ result }) => result !== undefined,
  failures: answer => {
    const error = trpcError(answer)
    return error ? [isObject(error.data) ? String(error.data.path) : undefined] : []
  },
  undone({ result }, message, failed) {
    const error = { message, code: -32603, data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500 } }
    const isPacked = failed
      ? isObject(failed.error) && isObject(failed.error.json)
      : isObject(result) && isObject(result.data) && 'json' in result.data
    return { error: isPacked ? { json: error } : error }
  },
}

const PROTOCOLS = [jsonRpc, trpc, graphql]

/** Reads an answer in which something has failed; others are not parsed. */
export function failedAnswer(contentType: string, body: string): Answer | undefined {
  // Every serialiser writes these keys unescaped, so this avoids parsing nearly every answer.
  if (!body.includes('"error')) return undefined
  const answer = readAnswer(contentType, body)
  return answer?.hasFailed ? answer : undefined
}

export function readAnswer(contentType: string, body: string): Answer | undefined {
  const [type = ''] = contentType.toLowerCase().split(';', 1)
  switch (type.trim()) {
    case 'application/json':
    case 'application/graphql-response+json':
    case 'application/graphql+json':
    case 'application/json-rpc': {
      const whole = parsed(body)
      const isStrict = type.trim() === 'application/graphql-response+json'
      return whole === undefined ? inParts(body.split('\n')) : inOne(whole, isStrict)
    }
    case 'application/jsonl':
      return inParts(body.split('\n'))
    case 'multipart/mixed':
      return inParts(body.split(/\r?\n/))
    case 'text/event-stream':
      return inParts(body.split('\n').map(line => (line.startsWith('data:') ? line.slice(5) : '')))
    default:
      return undefined
  }
}

function inOne(whole: unknown, isStrict: boolean): Answer | undefined {
  const answers = Array.isArray(whole) ? whole : [whole]
  if (answers.length === 0 || !answers.every(isObject)) return undefined
  const protocol = PROTOCOLS.find(one => answers.every(answer => one.isAnswer(answer)))
  if (!protocol) return undefined
  const failed = answers.find(answer => protocol.hasFailed(answer))
  return {
    hasFailed: failed !== undefined,
    tellsOfMore: answers.some(answer => protocol.tellsOfMore(answer)),
    failureStatus: isStrict || protocol === trpc ? 500 : undefined,
    isOnly: undone =>
      areAll(
        answers.flatMap(answer => protocol.failures(answer)),
        undone,
      ),
    undone(message = UNDONE) {
      const undone = answers.map(answer =>
        protocol.tellsOfMore(answer) ? protocol.undone(answer, message, failed) : answer,
      )
      return { body: Buffer.from(JSON.stringify(Array.isArray(whole) ? undone : undone[0])) }
    },
  }
}

/** Whether each failure is among the units, counting duplicates. */
function areAll(failures: readonly (string | undefined)[], units: readonly string[]): boolean {
  const left = [...units]
  return failures.every(name => {
    const at = name === undefined ? -1 : left.indexOf(name)
    if (at !== -1) left.splice(at, 1)
    return at !== -1
  })
}

/** Each part has its JSON on a line of its own; everything between is framing. */
function inParts(lines: readonly string[]): Answer | undefined {
  const parts = lines.map(parsed).filter(part => part !== undefined)
  const failures = parts.flatMap(failuresIn)
  return {
    hasFailed: failures.length > 0,
    tellsOfMore: parts.some(part => !isObject(part) || graphql.tellsOfMore(part)),
    failureStatus: undefined,
    isOnly: undone => areAll(failures, undone),
    undone: () => undefined,
  }
}

/** GraphQL has errors in later parts as well; tRPC has its answers in nested lists. */
function failuresIn(part: unknown): readonly (string | undefined)[] {
  if (Array.isArray(part)) return part.flatMap(failuresIn)
  if (!isObject(part)) return []
  const { incremental, completed } = part
  const later = [incremental, completed].flatMap(some => (Array.isArray(some) ? some : []))
  const failed = later.filter(one => isObject(one) && isErrors(one.errors))
  return [...PROTOCOLS.flatMap(protocol => protocol.failures(part)), ...failed.map(() => undefined)]
}

function parsed(text: string): unknown {
  const first = text.trimStart()[0]
  if (first !== '{' && first !== '[') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
