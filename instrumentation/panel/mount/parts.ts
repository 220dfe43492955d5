import type * as Ws from 'ws'
import { loadPeer } from '../../../server-lib/identity/peers.ts'
import { VERSION } from '../../../server-lib/identity/version.ts'
import { readPageFiles } from '../page/index.ts'
import type { DoorwayParts } from './doorway.ts'

/** What only an enabled panel loads: `ws` and the page. */
export function loadParts(): DoorwayParts {
  const { WebSocketServer } = loadPeer('ws') as typeof Ws
  return { WebSocketServer, files: readPageFiles(), version: VERSION }
}
