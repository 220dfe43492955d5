import type { PanelAddress } from './address.ts'
import { inTime, openLink } from './link.ts'
import { NoPanelError } from './no-panel.ts'
import { Watcher, type Moment } from './watcher.ts'

/** `state`: all rows. `findings`: also what the process finds in them, which it tells once a second. */
export type Wanted = 'state' | 'findings'

const COMPLETE_MS = 15_000
/** A process that is late judges a second later; one whose servers do not answer is not waited for. */
const JUDGED_MS = 4_000

/** Looks at a process once. Throws a NoPanelError where it does not answer. */
export async function look(address: PanelAddress, wanted: Wanted): Promise<Moment> {
  const watcher = new Watcher()
  let heard = () => {}
  const link = await openLink(address, wanted === 'findings', message => {
    watcher.receive(message)
    heard()
  })
  const until = (isSo: () => boolean) =>
    Promise.race([
      link.closed,
      new Promise<void>(resolve => {
        heard = () => isSo() && resolve()
        heard()
      }),
    ])
  try {
    await inTime(
      until(() => watcher.isComplete),
      COMPLETE_MS,
      () => `Not all rows came from ${address.shown} in ${COMPLETE_MS / 1_000} s.`,
    )
    if (wanted === 'findings') {
      const late = new Promise<void>(resolve => void setTimeout(resolve, JUDGED_MS).unref())
      await Promise.race([until(() => watcher.isJudged), late])
    }
    const moment = watcher.moment()!
    if (wanted === 'findings' && moment.findings === null)
      throw new NoPanelError(
        `No findings came from ${address.shown} in ${JUDGED_MS / 1_000} s: its process may stand still.`,
      )
    return moment
  } finally {
    link.close()
  }
}
