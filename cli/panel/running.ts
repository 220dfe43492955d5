import type { ProcessFacts } from '../../instrumentation/model/protocol.ts'
import { SOCKET_PATH } from '../../instrumentation/panel/page/index.ts'
import { Neighbours } from '../../instrumentation/panel/processes/index.ts'
import {
  knownProject,
  projectPath,
  UnsafePlace,
  type Project,
} from '../../instrumentation/panel/project/index.ts'
import { UsageError } from '../usage.ts'
import type { PanelAddress } from './address.ts'
import { NoPanelError } from './no-panel.ts'

/** A process of this project that has a panel, and the pids of the others. */
export interface Running {
  readonly address: PanelAddress
  readonly pid: number
  /** The address of its page, without the token; null while its server has none. */
  readonly page: string | null
  readonly others: readonly number[]
}

/**
 * The panel of the project that the working directory is in: of several processes the one with this pid, or the youngest.
 * Throws a NoPanelError where none runs, and a UsageError for a pid that none of them has.
 */
export async function runningPanel(pid: number | undefined): Promise<Running> {
  const path = projectPath()
  const project = projectAt(path)
  const found = project === null ? [] : await processesOf(project)
  const [youngest] = found
  if (project === null || youngest === undefined)
    throw new NoPanelError(
      `No panel of ${path} runs. One with a token of its own is found by its URL: --url, or ENGINELIGHT_PANEL_URL.`,
    )
  const pids = found.map(({ facts }) => facts.pid)
  const chosen = pid === undefined ? youngest : found.find(({ facts }) => facts.pid === pid)
  if (chosen === undefined)
    throw new UsageError(`No process ${pid} of this project has a panel; there are ${pids.join(', ')}.`)
  const { door, facts } = chosen
  return {
    pid: facts.pid,
    page: facts.page,
    others: pids.filter(one => one !== facts.pid),
    address: {
      shown: `the panel of pid ${facts.pid}`,
      socket: `ws://localhost${SOCKET_PATH}`,
      token: project.token,
      origin: null,
      door,
    },
  }
}

function projectAt(path: string): Project | null {
  try {
    return knownProject(path)
  } catch (error) {
    if (error instanceof UnsafePlace) throw new NoPanelError(`${error.message}.`, { cause: error })
    throw error
  }
}

const ALIVE_MS = 1_000

/** The youngest first, each with the door at which it is reached. */
async function processesOf({ folder, token }: Project): Promise<{ facts: ProcessFacts; door: string }[]> {
  const neighbours = new Neighbours(folder, token, () => {})
  // Nothing of theirs keeps a process alive.
  const alive = setInterval(() => {}, ALIVE_MS)
  try {
    await neighbours.look()
    return neighbours.all
      .flatMap(facts => {
        const door = neighbours.doorOf(facts.boot)
        return door === undefined ? [] : { facts, door }
      })
      .sort((a, b) => b.facts.startedAt - a.facts.startedAt)
  } finally {
    neighbours.stop()
    clearInterval(alive)
  }
}
