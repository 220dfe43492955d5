/** The panel's memory: channel messages become rows, within a budget of bytes. */
export { Recorder } from './recorder.ts'
export { DEFAULT_LIMITS, type RecorderLimits } from './limits.ts'
export type { History } from './history.ts'
