// Which test files get a process of their own, and which are run first.
import { relative } from 'node:path'
import { BaseSequencer } from 'vitest/node'
import { root } from './shell.js'

/** These ask about their whole process, or change it. The others share a few processes, one file after the other. */
export const ALONE = [
  // They hear what everything in the process says, or that nothing listens.
  'instrumentation/expect/*.test.ts',
  'instrumentation/otel/{instrumentation,register}.test.ts',
  'instrumentation/otel/spans/statement-spans.test.ts',
  'instrumentation/panel/*.test.ts',
  'instrumentation/panel/{judge,truth}/*.test.ts',
  'instrumentation/panel/mount/{attach,http,own-server}.test.ts',
  'instrumentation/panel/recorder/kept-requests.test.ts',
  'instrumentation/secrets.test.ts',
  'server-lib/channels/channels.test.ts',
  // They list every engine, timer or socket of the process.
  'server-lib/engine-set/{close,hot}.test.ts',
  'server-lib/pool/{holder-lines,kept,long-holds}.test.ts',
  'server-lib/sessions/pg-native.test.ts',
  'server-lib/watch/life.test.ts',
  // They measure its memory, or have it collected.
  'instrumentation/panel/feed/feed.test.ts',
  'instrumentation/panel/recorder/{counting,limits}.test.ts',
  'server-lib/containers/request-memory.test.ts',
  'server-lib/scenarios/behaviours/commit-path.test.ts',
  'server-lib/schema/arrow/to-arrow.test.ts',
  'server-lib/sharing/borrowed-memory.test.ts',
  // They load modules in another way than the rest does, or teach the library a dialect.
  'server-lib/engines/disable-transaction.test.ts',
  'server-lib/scenarios/third-party.test.ts',
  'server-lib/schema/arrow/missing-peer.test.ts',
]

/** What takes ten seconds or more. Begun last, one of them would be waited for alone. */
const SLOW = [
  'cli/panel/panel.test.ts',
  'instrumentation/panel/processes/processes.test.ts',
  'instrumentation/otel/register.test.ts',
  'instrumentation/panel/recorder/commits.test.ts',
  'instrumentation/panel/feed/feed.test.ts',
  'instrumentation/panel/graceful-end.test.ts',
  'instrumentation/panel/truth/truth.test.ts',
  'instrumentation/panel/mount/socket.test.ts',
  'server-lib/containers/request-memory.test.ts',
  'examples/shop/main.test.ts',
  'examples/shop/trouble/trouble.test.ts',
  'server-lib/scenarios/half-open.test.ts',
  'server-lib/scenarios/moves.property.test.ts',
  'scripts/foreign-text.test.ts',
  'scripts/postgres/server.test.ts',
  'server-lib/scenarios/stalls.test.ts',
  'server-lib/scenarios/bundled.test.ts',
  'cli/panel/panel.test.ts',
  'cli/cli.test.ts',
  'server-lib/scenarios/clean-up.test.ts',
  'server-lib/sessions/units/ownership.test.ts',
  'server-lib/scenarios/server-away.test.ts',
  'server-lib/adapters/request-outcomes.test.ts',
  'server-lib/scenarios/dirty-return.test.ts',
  'server-lib/commit/faults.test.ts',
  'server-lib/sharing/lend.test.ts',
]

const rank = ({ moduleId }) => {
  const at = SLOW.indexOf(relative(root, moduleId).replaceAll('\\', '/'))
  return at < 0 ? SLOW.length : at
}

/** A project's files one after the other, as vitest has them, but the slow ones first. */
export class SlowFirst extends BaseSequencer {
  async sort(files) {
    const sorted = await super.sort(files)
    const projects = [...new Set(sorted.map(({ project }) => project))]
    return projects.flatMap(project =>
      sorted.filter(file => file.project === project).toSorted((a, b) => rank(a) - rank(b)),
    )
  }
}
