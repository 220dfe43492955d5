import { join } from 'node:path'
import { root, tool } from '../../scripts/shell.js'

/** Compiles the library with its fault points, which the published build has not, and resolves to its folder. */
export async function buildWithFaultPoints() {
  const folder = join(root, '.cache/crash/server-lib')
  const off = ['composite', 'incremental', 'declaration', 'declarationMap', 'sourceMap', 'inlineSources']
  const flags = off.flatMap(name => [`--${name}`, 'false'])
  const args = ['-p', 'server-lib/tsconfig.json', '--outDir', folder, ...flags]
  const { code, output } = await tool('tsc', args, { capture: true })
  if (code !== 0) throw new Error(`the build with fault points failed:\n${output}`)
  return folder
}
