import type { Reducer } from './draft.ts'

const STALLS_KEPT = 200
const WARNINGS_KEPT = 100

/** The process itself: its stalls, and what the library warned of. */
export const PROCESS = {
  stalled(draft, { stalledMs }, endedAt) {
    draft.set('stalls', String(endedAt), { endedAt, stalledMs })
    draft.trim('stalls', STALLS_KEPT)
  },

  warned(draft, { code, message }, at) {
    draft.set('warnings', `${at} ${code} ${message}`, { at, code, message })
    draft.trim('warnings', WARNINGS_KEPT)
  },
} satisfies Partial<Reducer>
