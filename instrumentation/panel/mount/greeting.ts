import { basename } from 'node:path'
import { threadId } from 'node:worker_threads'
import type { Greeting } from '../feed/index.ts'
import type { PanelSettings } from '../options.ts'
import type { Recorder } from '../recorder/index.ts'

/** Which process this is. The application's name is the given one, else its engines', else the started file. */
export function greeting(
  settings: PanelSettings,
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
  }
}
