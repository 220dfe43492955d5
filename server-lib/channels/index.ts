export * from './channel.ts'
export * from './channels.ts'
export type * from './commit-messages.ts'
export type * from './messages.ts'
export {
  engineReports,
  observedEngines,
  type Reporting,
  type EngineReport,
  type ConnectionReport,
  type WaiterReport,
} from './engine-reports.ts'
export type { EngineDescription } from './engine-description.ts'
export type { CheckoutHolder, ErrorFacts } from './errors.ts'
export type { Site } from '../identity/site.ts'
export type * from './words.ts'
