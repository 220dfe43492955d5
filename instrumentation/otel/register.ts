import { EnginelightError } from '../../server-lib/channels/errors.ts'
import { requireNotOlder } from '../../server-lib/channels/installed-peer.ts'
import { loadBeside, resolvedPeer } from '../../server-lib/identity/peers.ts'
import { metrics, trace } from './api.ts'
import { EnginelightInstrumentation } from './index.ts'
import { flushOnExit } from './flush-on-exit.ts'

/**
 * `node --import enginelight/otel/register app.js` starts OpenTelemetry's Node SDK with Enginelight's instrumentation,
 * configured by the `OTEL_…` variables, and exports what is left when the process ends.
 *
 * Nothing here makes spans for HTTP requests, so each request or scope gets an INTERNAL span of ours and its sessions
 * share a trace. If an SDK is already there (from an earlier `--import`), only the instrumentation is added to it.
 */
if (process.env['OTEL_SDK_DISABLED']?.trim().toLowerCase() !== 'true') {
  start()
}

interface NodeSdk {
  start(): void
  shutdown(): Promise<void>
}

function start(): void {
  const isAlone = !isRegistered()
  const instrumentation = new EnginelightInstrumentation({ requestSpans: isAlone })
  if (isAlone) startSdk(instrumentation)
}

function startSdk(instrumentation: EnginelightInstrumentation): void {
  // Required and not imported: a missing peer then gives an error of ours, and no top-level await is needed.
  let NodeSDK: new (options: { instrumentations: EnginelightInstrumentation[] }) => NodeSdk
  try {
    ;({ NodeSDK } = loadBeside('@opentelemetry/sdk-node') as { NodeSDK: typeof NodeSDK })
  } catch (cause) {
    throw new EnginelightError(
      'EL_MISSING_PEER',
      'enginelight/otel/register needs the package @opentelemetry/sdk-node, which could not be loaded: run `npm install @opentelemetry/sdk-node`.',
      { cause },
    )
  }
  requireNotOlder(
    resolvedPeer('@opentelemetry/sdk-node'),
    '@opentelemetry/sdk-node',
    '0.200',
    'enginelight/otel/register',
  )
  const sdk = new NodeSDK({ instrumentations: [instrumentation] })
  sdk.start()
  flushOnExit({
    flush: async () =>
      void (await Promise.all([flush(providerOfSpans()), flush(metrics.getMeterProvider())])),
    shutdown() {
      instrumentation.disable()
      return sdk.shutdown()
    },
  })
}

/** The API returns a proxy, which hides the real provider. */
function providerOfSpans(): object {
  const provider = trace.getTracerProvider() as { getDelegate?: () => object }
  return provider.getDelegate?.() ?? provider
}

/** An SDK's providers have it; the API's no-op ones do not. */
async function flush(provider: object): Promise<void> {
  await (provider as { forceFlush?: () => Promise<void> }).forceFlush?.()
}

function isRegistered(): boolean {
  return providerOfSpans().constructor.name !== 'NoopTracerProvider'
}
