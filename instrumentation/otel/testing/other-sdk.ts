import { NodeSDK } from '@opentelemetry/sdk-node'

/** An SDK started by other code, as `@opentelemetry/auto-instrumentations-node/register` does. */
const sdk = new NodeSDK()
sdk.start()
process.once('beforeExit', () => void sdk.shutdown())
