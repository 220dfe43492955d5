import { warn } from '../../../server-lib/channels/errors.ts'
import { newToken } from '../locks/index.ts'
import type { PanelSettings } from '../options.ts'
import { keptProject, type Project } from '../project/index.ts'

/** The token of a panel, its ports in the order in which they are tried, and where it finds its neighbours. */
export interface Place {
  readonly token: string
  readonly ports: readonly number[]
  /** Null where nothing can be kept: then each process is alone. */
  readonly folder: string | null
}

/** The next ones are tried where some other program has the project's port. The last is any that is free. */
const MORE_PORTS = 4

/** What the options leave open is as the project has kept it. */
export function placeOf({ token, port }: Pick<PanelSettings, 'token' | 'port'>): Place {
  const kept = keptOrNone()
  return {
    token: token ?? kept?.token ?? newToken(),
    ports: port === null ? [...(kept ? portsFrom(kept.port) : []), 0] : [port],
    folder: kept?.folder ?? null,
  }
}

const portsFrom = (first: number): number[] =>
  Array.from({ length: 1 + MORE_PORTS }, (_, next) => first + next)

function keptOrNone(): Project | null {
  try {
    return keptProject()
  } catch (error) {
    warn(
      'EL_PANEL_STATE',
      `The panel keeps no token and no port over restarts: ${(error as Error).message}. An open page must be opened again after each.`,
    )
    return null
  }
}
