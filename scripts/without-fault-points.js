// Makes what is published of what `tsc -b` has compiled: one copy of the code, in CommonJS, which `import`, `require`,
// Jest and every bundler can load. What only tests strike at is not in it. The types beside it are the compiler's.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { isAbsolute, join, posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'
import { root } from './shell.js'

const compiled = join(root, '.cache/compiled')
const dist = join(root, 'dist')
const FOLDERS = ['chunks', 'cli', 'instrumentation', 'server-lib']
/** The module that all files tell where they begin and end, and the file that it is in. */
const OWN_CODE = 'server-lib/identity/own-code.js'
const MARKS = 'chunks/own-code'

export async function writeLibrary() {
  const bundle = await rolldown({
    cwd: compiled,
    input: { ...(await doors()), [MARKS]: join(compiled, OWN_CODE) },
    platform: 'node',
    external: id => !id.startsWith('.') && !isAbsolute(id),
    plugins: [withoutFaultPoints, forBundlers],
    onwarn(warning) {
      throw new Error(warning.message)
    },
  })
  const { output } = await bundle.write({
    dir: dist,
    format: 'cjs',
    exports: 'named',
    esModule: true,
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: {
      groups: [
        { name: 'own-code', test: /identity\/own-code\.js$/, priority: 1 },
        // With all that it needs: a call inside of a file costs less, and one file is loaded faster than many.
        { name: 'core', test: /server-lib\/engine-set\/create-engines\.js$/ },
      ],
    },
  })
  refuseOthers(output)
  await writeFile(join(dist, 'package.json'), '{ "type": "commonjs" }\n')
  await removeOthers(new Set(output.map(({ fileName }) => fileName)))
}

/** Each module that package.json names, by its path in `dist`. */
async function doors() {
  const { exports, bin } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const files = [...Object.values(exports).map(door => door.default), ...Object.values(bin)]
  return Object.fromEntries(
    files
      .filter(file => file !== undefined)
      .map(file => posix.relative('dist', file).replace(/\.js$/, ''))
      .map(name => [name, join(compiled, `${name}.js`)]),
  )
}

/** What is loaded only when it is needed is named where bundlers look for it, and each part says where it is. */
const forBundlers = {
  name: 'for bundlers',
  renderChunk(code, { fileName }) {
    const toDist = name => {
      const path = posix.relative(posix.dirname(fileName), name)
      return JSON.stringify(path.startsWith('.') ? path : `./${path}`)
    }
    const text = code
      .replace(LOADS.loadPeer, (_, name) => `require("${name}")`)
      .replace(LOADS.loadOwn, (_, name) => `require(${toDist(name)})`)
      .replace(LOADS.loadOptional, (call, name) => call.replace(/\)$/, `, () => ${tried(name)})`))
    if (fileName === `${MARKS}.js` || text.startsWith('#!')) return text
    const mark = `enginelightMark(${JSON.stringify(fileName)}, () => new Error());`
    return `const { markCode: enginelightMark } = require(${toDist(`${MARKS}.js`)}); ${mark}\n${text}\n${mark}\n`
  },
}

const loads = name => new RegExp(`(?:\\w+\\.)?${name}\\("([^"]+)"\\)`, 'g')
const LOADS = { loadPeer: loads('loadPeer'), loadOwn: loads('loadOwn'), loadOptional: loads('loadOptional') }

/** Bundlers take a `require` in a `try` as one that may fail. */
const tried = name => `{ try { return require("${name}"); } catch (error) { throw error; } }`

const CALL = /^\s*faultPoint\(.*\);$/gm
const IMPORT = /^import \{ faultPoint \} from .*$/gm

/** Each call and each import is a line of its own. Throws where one is left. */
const withoutFaultPoints = {
  name: 'without fault points',
  transform(code, id) {
    if (!code.includes('faultPoint') || id.endsWith('fault-points.js')) return undefined
    const text = code.replace(CALL, '').replace(IMPORT, '')
    if (/\bfaultPoint\b/.test(text)) throw new Error(`${id} has a fault point that is no line of its own`)
    return text
  },
}

/** A helper of the bundler's would be a dependency that no user has. */
function refuseOthers(output) {
  const written = new Set(output.map(({ fileName }) => fileName))
  for (const { fileName, imports, dynamicImports } of output)
    for (const name of [...imports, ...dynamicImports])
      if (!written.has(name) && !/^(node:|pg$|apache-arrow$)/.test(name))
        throw new Error(`${fileName} loads ${name}, which users need not have`)
}

async function removeOthers(written) {
  for (const folder of FOLDERS)
    for (const file of await readdir(join(dist, folder), { recursive: true })) {
      const name = posix.join(folder, file.replaceAll('\\', '/'))
      if (/\.js(\.map)?$/.test(name) && !written.has(name)) await rm(join(dist, name))
    }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await writeLibrary()
