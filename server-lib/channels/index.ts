export { Channel, type Observer } from './channel.ts'
export { channels, observe, type ChannelMessages, type ChannelName, type ObserveOptions } from './channels.ts'
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
export type {
  CommitMode,
  CommitOutcome,
  CommitStep,
  Discard,
  EndReason,
  EngineOutcome,
  ParticipantRole,
  RequestKind,
  RequestOutcome,
  SessionState,
  TransactionOutcome,
} from './words.ts'
