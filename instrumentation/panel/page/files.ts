import { extname } from 'node:path'
import { loadOwn } from '../../../server-lib/identity/peers.ts'

export interface PageFile {
  readonly type: string
  readonly body: Buffer
}

/**
 * The built page by name (`index.html`, `assets/index-abc.js`). Requested names are looked up here, and never opened as
 * files.
 */
export type PageFiles = ReadonlyMap<string, PageFile>

/** The file types of the page; any other file in its folder is not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
}

/**
 * Reads the built page: a module that contains all of its files, so that a bundle has them too. Empty if it was not
 * built.
 */
export function readPageFiles(load: () => unknown = () => loadOwn('panel-ui/files.js')): PageFiles {
  let packed: Record<string, string>
  try {
    packed = load() as typeof packed
  } catch {
    return new Map()
  }
  const files = new Map<string, PageFile>()
  for (const [name, body] of Object.entries(packed)) {
    const type = TYPES[extname(name)]
    if (type !== undefined) files.set(name, { type, body: Buffer.from(body, 'base64') })
  }
  return files.has('index.html') ? files : new Map()
}
