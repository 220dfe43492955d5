import { isMainThread, threadId } from 'node:worker_threads'
import { processWide } from './process-wide.ts'

/**
 * The kinds of ids: `u88` a request (unit of work), `s412` a session, `k991` a check-out, `c17` a connection, `t55` a
 * transaction, `q7301` a statement, `x9` a commit over the engines of a request. Ids rise within a process and thread
 * and are never reused.
 */
export type IdKind = 'u' | 's' | 'k' | 'c' | 't' | 'q' | 'x'

const counters = processWide<Record<IdKind, number>>('ids', () => ({
  u: 0,
  s: 0,
  k: 0,
  c: 0,
  t: 0,
  q: 0,
  x: 0,
}))

export function nextId(kind: IdKind): string {
  return `${kind}${++counters[kind]}`
}

/** The process and thread that this code runs in; the main thread is 0. */
export const here = { pid: process.pid, thread: isMainThread ? 0 : threadId } as const
