/**
 * What an answer says of itself in protocols that tell of a failure in the body and not by the status: GraphQL, JSON-RPC and
 * tRPC, their batches, and the parts of an incremental answer. A body that is none of these says nothing.
 */

/** An answer in which something failed. */
export interface FailedAnswer {
  /** Whether it tells of something else that was done: true only while the rows of that are kept. */
  readonly tellsOfMore: boolean
  /** The same answer where nothing was done. Undefined for one in parts, which cannot be put into other words. */
  readonly undone: Uint8Array | undefined
}

type Json = { readonly [key: string]: unknown }

/** How one protocol says what became of one operation. */
interface Protocol {
  isAnswer(answer: Json): boolean
  hasFailed(answer: Json): boolean
  tellsOfMore(answer: Json): boolean
  /** The answer of an operation that was undone with another that has failed. */
  undone(answer: Json, failed: Json): Json
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

/** A body with other keys is of another protocol, in which `errors` may be news of what was done all the same. */
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
  undone: answer => ({
    ...answer,
    errors: isErrors(answer.errors) ? answer.errors : [{ message: UNDONE }],
    data: null,
  }),
}

const jsonRpc: Protocol = {
  isAnswer: ({ jsonrpc, error, result }) => jsonrpc === '2.0' && (isObject(error) || result !== undefined),
  hasFailed: ({ error }) => isObject(error),
  tellsOfMore: ({ result }) => result !== undefined,
  undone: ({ id }) => ({ jsonrpc: '2.0', error: { code: -32000, message: UNDONE }, id }),
}

/** A transformer of data puts what it makes of the error under `json`. */
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
  undone(_answer, failed) {
    const error = { message: UNDONE, code: -32603, data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500 } }
    return { error: isObject(failed.error) && isObject(failed.error.json) ? { json: error } : error }
  },
}

const PROTOCOLS = [jsonRpc, trpc, graphql]

/** Reads an answer. `body` is its text: it is parsed once, and not at all where no error can be in it. */
export function failedAnswer(contentType: string, body: string): FailedAnswer | undefined {
  // Every serialiser writes these keys as they are, so this spares the parsing of nearly every answer.
  if (!body.includes('"error')) return undefined
  const [type = ''] = contentType.toLowerCase().split(';', 1)
  switch (type.trim()) {
    case 'application/json':
    case 'application/graphql-response+json':
    case 'application/graphql+json':
    case 'application/json-rpc': {
      const whole = parsed(body)
      return whole === undefined ? inParts(body.split('\n')) : inOne(whole)
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

function inOne(whole: unknown): FailedAnswer | undefined {
  const answers = Array.isArray(whole) ? whole : [whole]
  if (!answers.every(isObject)) return undefined
  for (const protocol of PROTOCOLS) {
    if (!answers.every(answer => protocol.isAnswer(answer))) continue
    const failed = answers.find(answer => protocol.hasFailed(answer))
    if (!failed) return undefined
    const undone = answers.map(answer =>
      protocol.tellsOfMore(answer) ? protocol.undone(answer, failed) : answer,
    )
    return {
      tellsOfMore: answers.some(answer => protocol.tellsOfMore(answer)),
      undone: Buffer.from(JSON.stringify(Array.isArray(whole) ? undone : undone[0])),
    }
  }
  return undefined
}

/** Each part has its JSON on a line of its own; what lies between is framing. */
function inParts(lines: readonly string[]): FailedAnswer | undefined {
  const parts = lines.map(parsed).filter(part => part !== undefined)
  if (!parts.some(hasFailedPart)) return undefined
  return { tellsOfMore: parts.some(part => !isObject(part) || graphql.tellsOfMore(part)), undone: undefined }
}

/** GraphQL has errors in what comes later as well; tRPC has its answers in nested lists. */
function hasFailedPart(part: unknown): boolean {
  if (Array.isArray(part)) return part.some(hasFailedPart)
  if (!isObject(part)) return false
  if (PROTOCOLS.some(protocol => protocol.hasFailed(part))) return true
  const { incremental, completed } = part
  const later = [incremental, completed].flatMap(some => (Array.isArray(some) ? some : []))
  return later.some(one => isObject(one) && isErrors(one.errors))
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
