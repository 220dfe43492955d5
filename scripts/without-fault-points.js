// Takes the fault points, which only tests strike at, out of the compiled library: each call and each import is a line
// of its own, and becomes an empty one, so that source maps stay right. Run after `tsc -b`; again changes nothing.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './shell.js'

const CALL = /^\s*faultPoint\([^;\n]*\);$/gm
const IMPORT = /^import \{ faultPoint \} from ['"][^'"\n]*['"];$/gm

/** Resolves to how many lines it emptied. Throws where a fault point is left: it was not a line of its own. */
export async function withoutFaultPoints(folder = join(root, 'dist/server-lib')) {
  let emptied = 0
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith('.js') || file.includes('testing') || file.includes('.test.')) continue
    const path = join(folder, file)
    const before = await readFile(path, 'utf8')
    const count = () => (emptied++, '')
    const text = before.replace(CALL, count).replace(IMPORT, count)
    if (text.includes('faultPoint')) throw new Error(`${file} has a fault point that is no line of its own`)
    if (text !== before) await writeFile(path, text)
  }
  return emptied
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await withoutFaultPoints()
