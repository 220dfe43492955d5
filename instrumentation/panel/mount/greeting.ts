import cluster from 'node:cluster'
import { basename } from 'node:path'
import { threadId } from 'node:worker_threads'
import { loadBeside } from '../../../server-lib/identity/peers.ts'
import type { Greeting } from '../feed/index.ts'
import type { ProcessFacts } from '../../model/protocol.ts'
import type { PanelSettings } from '../options.ts'
import type { Recorder } from '../recorder/index.ts'

/** Which process this is. The application's name is the given one, else its engines', else the started file. */
export function greeting(
  settings: Pick<PanelSettings, 'application' | 'errorMessages'>,
  recorder: Recorder,
  version: string,
  applicationUrl: () => string | null,
): Greeting {
  const named = recorder.reports().find(report => report.description.application)?.description.application
  return {
    version,
    application: settings.application ?? named ?? basename(process.argv[1] ?? 'node'),
    // Read at each greeting: the server may get its port, or another one, long after the panel is mounted.
    get applicationUrl() {
      return applicationUrl()
    },
    pid: process.pid,
    thread: threadId,
    node: process.version,
    versions: { pg: peerVersion('pg'), knex: peerVersion('knex') },
    errorMessages: settings.errorMessages,
  }
}

/** Null where the driver is not installed, or is part of a bundle. */
function peerVersion(name: 'pg' | 'knex'): string | null {
  try {
    const { version } = loadBeside(`${name}/package.json`) as { version?: unknown }
    return typeof version === 'string' ? version : null
  } catch {
    return null
  }
}

/** The same for the list of processes. */
export function processFacts(who: Greeting, { boot }: Recorder, page: string | null): ProcessFacts {
  const { pid, thread, application } = who
  return {
    boot,
    pid,
    thread,
    worker: workerNumber(),
    application,
    page,
    startedAt: Math.round(performance.timeOrigin),
  }
}

/** Of a cluster, or of PM2, which counts from 0. */
function workerNumber(): number | null {
  if (cluster.worker) return cluster.worker.id
  const instance = Number.parseInt(process.env['NODE_APP_INSTANCE'] ?? '', 10)
  return Number.isNaN(instance) ? null : instance
}
