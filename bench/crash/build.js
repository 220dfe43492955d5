import { join } from 'node:path'
import { root, tool } from '../../scripts/shell.js'

/** Compiles the library, and resolves to the folder of what the compiler makes: it has the fault points, which the published build has not. */
export async function buildWithFaultPoints() {
  const { code, output } = await tool('tsc', ['-b'], { capture: true })
  if (code !== 0) throw new Error(`the build with fault points failed:\n${output}`)
  return join(root, '.cache/compiled/server-lib')
}
