import { readPageFiles } from '../page/index.ts'
import type { DoorwayParts } from './doorway.ts'
import { packageVersion } from './greeting.ts'

/** What only an enabled panel loads: `ws`, the page, the version. */
export async function loadParts(): Promise<DoorwayParts> {
  const [{ WebSocketServer }, files, version] = await Promise.all([
    import('ws'),
    readPageFiles(),
    packageVersion(),
  ])
  return { WebSocketServer, files, version }
}
