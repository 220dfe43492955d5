import { execFile } from 'node:child_process'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { keptProject, knownProject, projectFolder, projectPath, replaceToken, UnsafePlace } from './index.ts'

let state: string
let project: string
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'enginelight-state-'))
  project = await mkdtemp(join(tmpdir(), 'enginelight-project-'))
  vi.stubEnv('XDG_STATE_HOME', state)
})
afterEach(async () => {
  for (const folder of [state, project]) await rm(folder, { recursive: true, force: true })
})

const fileOf = (path: string) => join(projectFolder(path), 'panel.json')

test('token and port are the same at each start, for this user alone, and others for another project', async () => {
  const first = keptProject(project)
  expect(first).toMatchObject({ token: expect.stringMatching(/^[\w-]{22}$/), folder: projectFolder(project) })
  expect(keptProject(project)).toEqual(first)
  expect((await stat(fileOf(project))).mode & 0o777).toBe(0o600)
  expect((await stat(first.folder)).mode & 0o777).toBe(0o700)
  expect(await readdir(first.folder)).toEqual(['panel.json'])
  const other = keptProject(tmpdir())
  expect(other.token).not.toBe(first.token)
  expect(other.folder).not.toBe(first.folder)
})

test('a project is the folder with the nearest package.json, by its real path', async () => {
  await mkdir(join(project, 'packages/api/src'), { recursive: true })
  await writeFile(join(project, 'packages/api/package.json'), '{}')
  const link = join(state, 'link')
  await symlink(join(project, 'packages/api/src'), link)
  expect(projectPath(link)).toBe(join(project, 'packages/api'))
})

test('nothing is made by looking, and a replaced token is another one', () => {
  expect(knownProject(project)).toBeNull()
  const before = keptProject(project)
  expect(knownProject(project)).toEqual(before)
  const after = replaceToken(project)
  expect([after.port, after.folder]).toEqual([before.port, before.folder])
  expect(after.token).not.toBe(before.token)
})

test('of twelve processes that start at once all have one token', async () => {
  const code = `import('./.cache/compiled/instrumentation/panel/project/index.js').then(m => console.log(JSON.stringify(m.keptProject(${JSON.stringify(project)}))))`
  const run = () =>
    promisify(execFile)(process.execPath, ['-e', code], { cwd: join(import.meta.dirname, '../../..') })
  const all = await Promise.all(Array.from({ length: 12 }, run))
  expect(new Set(all.map(({ stdout }) => stdout)).size).toBe(1)
  expect(await readdir(projectFolder(project))).toEqual(['panel.json'])
}, 60_000)

describe('what others could read or replace is refused', () => {
  const refused = () => {
    try {
      keptProject(project)
      return 'kept'
    } catch (error) {
      return error instanceof UnsafePlace ? error.message : error
    }
  }

  test('a file that others can read', async () => {
    keptProject(project)
    await chmod(fileOf(project), 0o644)
    expect(refused()).toBe(`others can read ${fileOf(project)}`)
  })

  test('a folder that others can enter', async () => {
    await chmod(keptProject(project).folder, 0o755)
    expect(refused()).toBe(`others can read ${projectFolder(project)}`)
  })

  test.runIf(process.getuid?.() === 0)('what belongs to somebody else', async () => {
    keptProject(project)
    await chown(fileOf(project), 1, 1)
    expect(refused()).toBe(`${fileOf(project)} belongs to another user`)
    await chown(projectFolder(project), 1, 1)
    expect(refused()).toBe(`${projectFolder(project)} belongs to another user`)
  })

  test('a link in the place of the file, to a file of ours', async () => {
    keptProject(project)
    const text = await readFile(fileOf(project), 'utf8')
    await rm(fileOf(project))
    await writeFile(join(state, 'elsewhere'), text, { mode: 0o600 })
    await symlink(join(state, 'elsewhere'), fileOf(project))
    expect(refused()).toBe(`${fileOf(project)} is a link`)
  })

  test('a link in the place of the folder', async () => {
    await mkdir(join(state, 'enginelight'))
    await mkdir(join(state, 'elsewhere'), { mode: 0o700 })
    await symlink(join(state, 'elsewhere'), projectFolder(project))
    expect(refused()).toBe(`${projectFolder(project)} is not a folder`)
  })

  test.each([
    '',
    '{}',
    'no JSON',
    '{"token":"short","port":21000}',
    `{"token":"${'a'.repeat(22)}","port":0}`,
  ])('a file with %j in it', async text => {
    keptProject(project)
    await writeFile(fileOf(project), text)
    expect(refused()).toBe(`${fileOf(project)} is not what was written there: remove it`)
  })
})
