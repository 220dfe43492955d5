import { realpathSync } from 'node:fs'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The path of a location. A loader or a `sourceURL` comment can make up any location: one that is no path is returned
 * as it is.
 */
export function pathOf(location: string): string {
  if (!location.startsWith('file://')) return location
  try {
    return fileURLToPath(location)
  } catch {
    return location
  }
}

export function isApplicationFile(file: string): boolean {
  if (file.startsWith('node:') || file === '<anonymous>' || file === 'native') return false
  return !/[\\/]node_modules[\\/]/.test(file)
}

/** A file as labels show it: relative to the working directory, and without the prefix of a bundler. */
export function shownFile(file: string): string {
  const root = `${workingDirectory()}${sep}`
  if (file.startsWith(root)) return file.slice(root.length)
  return file.startsWith('webpack:') ? file.replace(/^webpack:\/\/[^/]*\/(?:\.\/)?/, '') : file
}

function workingDirectory(): string {
  try {
    return process.cwd()
  } catch {
    // The directory was removed while the process runs.
    return ''
  }
}

// ------------------------------------------------------------- an application that is itself a package

/** Packages in every stack of a statement. None of them is the application, whatever script the process was started with. */
const DRIVERS = new Set(['enginelight', 'knex', 'pg', 'tarn'])

let family: string | null | undefined

/** The family of the package that the process was started with: `strapi` for `@strapi/strapi`. Null where it is no package. */
export function applicationFamily(): string | null {
  if (family === undefined) {
    const started = familyOf(pathInPackages(mainScript()))
    family = started === undefined || DRIVERS.has(started) ? null : started
  }
  return family
}

/** `package/file` for a file in a package of this family (`@directus/api` belongs to `directus`), or null. */
export function fileInFamily(file: string, one: string): string | null {
  const path = pathInPackages(file)
  return path !== null && familyOf(path) === one ? path : null
}

/** The part of a path after its last node_modules. */
function pathInPackages(file: string): string | null {
  const at = Math.max(file.lastIndexOf('/node_modules/'), file.lastIndexOf('\\node_modules\\'))
  return at === -1 ? null : file.slice(at + '/node_modules/'.length).replaceAll('\\', '/')
}

/** The scope of a scoped package, else the first word of its name. */
const familyOf = (path: string | null): string | undefined =>
  path === null ? undefined : /^@?([^/@-]+)/.exec(path)?.[1]

function mainScript(): string {
  const [, script = ''] = process.argv
  try {
    return realpathSync(script)
  } catch {
    return script
  }
}
