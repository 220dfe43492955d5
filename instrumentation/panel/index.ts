/**
 * `enginelight/panel`: a live page that shows which request holds which connection, and why. It listens to the channels
 * of `enginelight/channels` and changes nothing in the application.
 */
import {
  attach,
  checkServer,
  startOwnServer,
  type MountableServer,
  type MountedPanel,
} from './mount/index.ts'
import { addRule, type OwnRule } from './judge/index.ts'
import { settingsOf, type PanelOptions, type StartPanelOptions } from './options.ts'

export type { Finding, FindingKind, Severity, Subjects } from '../model/finding.ts'
export type { PanelState } from '../model/state.ts'
export type { OwnFinding, OwnRule } from './judge/index.ts'
export type { MountableServer, MountedPanel } from './mount/index.ts'
export type { PanelOptions, StartPanelOptions } from './options.ts'
export type { RecorderLimits } from './recorder/index.ts'

/** A panel with its options, ready for a server. */
export interface Panel {
  /**
   * Mounts the panel at `/__enginelight` of a server, before or after it listens; everything else on the server stays
   * the application's. When the panel is off, nothing on the server changes and `url` is null.
   */
  attach(server: MountableServer): Promise<MountedPanel>
}

/** A panel for an existing server. Off unless `NODE_ENV` is exactly `development` or `enabled` is true. */
export function panel(options: PanelOptions = {}): Panel {
  const settings = settingsOf(options)
  return {
    async attach(server) {
      checkServer(server)
      return settings.enabled ? attach(server, settings) : { ...OFF }
    },
  }
}

/**
 * Adds a rule of the application's own, to all panels of the process; the returned function takes it away. It is called
 * whenever the process is judged: once a second while a page watches. It must be quick and change nothing. One that
 * throws is told once, and ends nothing. Throws `EL_PANEL_CONFIG` for what is no function.
 */
panel.rule = (rule: OwnRule): (() => void) => addRule(rule)

/** A panel on a port of its own. Off unless `NODE_ENV` is exactly `development` or `enabled` is true. */
export async function startPanel(options: StartPanelOptions = {}): Promise<MountedPanel> {
  const settings = settingsOf(options)
  return settings.enabled ? startOwnServer(settings) : { ...OFF }
}

const OFF: MountedPanel = { url: null, findings: () => [], close: async () => {} }
