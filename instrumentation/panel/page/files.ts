import { extname } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { loadOwn } from '../../../server-lib/identity/peers.ts'
import type { Encoding } from './encoding.ts'

export interface PageFile {
  readonly type: string
  readonly packed: Readonly<Record<Encoding, Buffer>>
}

/** A file as it is: few clients ask for it. */
export const unpacked = (file: PageFile): Buffer => gunzipSync(file.packed.gzip)

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
  let packed: Record<string, Record<Encoding, string>>
  try {
    packed = load() as typeof packed
  } catch {
    return new Map()
  }
  const files = new Map<string, PageFile>()
  for (const [name, { br, gzip }] of Object.entries(packed)) {
    const type = TYPES[extname(name)]
    if (type === undefined) continue
    files.set(name, {
      type,
      packed: { br: Buffer.from(br, 'base64'), gzip: Buffer.from(gzip, 'base64') },
    })
  }
  return files.has('index.html') ? files : new Map()
}
