export { EnginelightInstrumentation } from './instrumentation.ts'
export type { EnginelightInstrumentationConfig } from './options.ts'
