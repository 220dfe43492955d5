import { readFile, readdir } from 'node:fs/promises'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface PageFile {
  readonly type: string
  readonly body: Buffer
}

/** The built page by name (`index.html`, `assets/index-abc.js`). Names that are asked for are looked up, never opened. */
export type PageFiles = ReadonlyMap<string, PageFile>

/** What the page consists of; anything else in its folder is not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
}

/** Beside us in the published package; from the sources, as tests run them, where the build puts it. */
const FOLDER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/panel-ui/' : '../../../panel-ui/',
  import.meta.url,
)

/** Reads the built page, once. Empty when it was not built. */
export async function readPageFiles(folder: URL = FOLDER): Promise<PageFiles> {
  const files = await readFolder(folder)
  return files.has('index.html') ? files : new Map()
}

async function readFolder(folder: URL): Promise<PageFiles> {
  const files = new Map<string, PageFile>()
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const root = fileURLToPath(folder)
    for (const entry of entries) {
      const type = TYPES[extname(entry.name)]
      if (!entry.isFile() || type === undefined) continue
      const path = `${entry.parentPath}/${entry.name}`
      const name = path.slice(root.length).replaceAll('\\', '/').replace(/^\/+/, '')
      files.set(name, { type, body: await readFile(path) })
    }
  } catch {
    return new Map()
  }
  return files
}
