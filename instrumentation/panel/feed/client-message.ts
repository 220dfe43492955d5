import type { ClientMessage } from '../../model/protocol.ts'

/** `unknown` is a message of a later version, which is ignored; `malformed` ends the socket. */
export type ParsedMessage = ClientMessage | 'unknown' | 'malformed'

const LONGEST_TOKEN = 512
const LONGEST_BOOT = 64
const LONGEST_KEY = 1_024

/** Reads a frame of a page. The result is built here, field by field: none of the frame's own objects is passed on. */
export function parseClientMessage(text: string): ParsedMessage {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return 'malformed'
  }
  if (!isRecord(frame)) return 'malformed'
  const type = field(frame, 'type')
  switch (type) {
    case 'auth': {
      const token = field(frame, 'token')
      if (typeof token !== 'string' || token.length > LONGEST_TOKEN) return 'malformed'
      return { type, token }
    }
    case 'sub': {
      const since = field(frame, 'since')
      if (since === null) return { type, since }
      if (!isRecord(since)) return 'malformed'
      const boot = field(since, 'boot')
      const seq = field(since, 'seq')
      if (typeof boot !== 'string' || boot.length > LONGEST_BOOT || !isSeq(seq)) return 'malformed'
      return { type, since: { boot, seq } }
    }
    case 'vis': {
      const visible = field(frame, 'visible')
      return typeof visible === 'boolean' ? { type, visible } : 'malformed'
    }
    case 'ack': {
      const seq = field(frame, 'seq')
      return isSeq(seq) ? { type, seq } : 'malformed'
    }
    case 'watch': {
      const truth = field(frame, 'truth')
      return typeof truth === 'boolean' ? { type, truth } : 'malformed'
    }
    case 'dismiss': {
      const key = field(frame, 'key')
      return typeof key === 'string' && key.length <= LONGEST_KEY ? { type, key } : 'malformed'
    }
    default:
      return typeof type === 'string' ? 'unknown' : 'malformed'
  }
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Own properties only: every object inherits `__proto__` and `constructor`. */
function field(record: object, name: string): unknown {
  return Object.hasOwn(record, name) ? (record as Record<string, unknown>)[name] : undefined
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
