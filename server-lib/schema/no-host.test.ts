import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('no file of the schema door loads an ORM: each import is of a type, of Node or of ours', async () => {
  const files = (await readdir(import.meta.dirname, { recursive: true })).filter(
    name => name.endsWith('.ts') && !/\.test(-d)?\.ts$/.test(name) && !/testing[\\/]/.test(name),
  )
  expect(files).toContain(join('from', 'typeorm.ts'))
  const loaded = await Promise.all(
    files.map(async name => {
      const text = await readFile(join(import.meta.dirname, name), 'utf8')
      const imports = text.matchAll(
        /^(?:import|export) (?!type )[^'"`]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm,
      )
      return [...imports].map(([, ...from]) => `${name}: ${from.find(module => module !== undefined)}`)
    }),
  )
  // Arrow is not an ORM, and is loaded at the first use.
  expect(loaded.flat().filter(line => !/: (\.|node:|apache-arrow$)/.test(line))).toEqual([])
})
