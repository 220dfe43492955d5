/** The panel's memory: what the channels say becomes rows, within a budget of bytes. */
export { Recorder } from './recorder.ts'
export { DEFAULT_LIMITS, type RecorderLimits } from './limits.ts'
