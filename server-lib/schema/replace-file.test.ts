import {
  chmod,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { replaceFile } from './replace-file.ts'

let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'enginelight-replace-'))))
afterAll(() => rm(folder, { recursive: true, force: true }))

test('a file is replaced by another one, with the permissions of the old', async () => {
  const file = join(folder, 'a.d.ts')
  await replaceFile(file, 'one')
  expect(await readFile(file, 'utf8')).toBe('one')
  await chmod(file, 0o666)
  const before = await stat(file)
  await replaceFile(file, 'two')
  const after = await stat(file)
  expect(await readFile(file, 'utf8')).toBe('two')
  expect(after.mode).toBe(before.mode)
  expect(after.ino).not.toBe(before.ino)
  expect(await readdir(folder)).toEqual(['a.d.ts'])
})

test('a link goes on pointing to its file, also to one that is not there yet', async () => {
  const target = join(folder, 'target.d.ts')
  const link = join(folder, 'link.d.ts')
  const linkToLink = join(folder, 'link-to-link.d.ts')
  await symlink('target.d.ts', link)
  await symlink('link.d.ts', linkToLink)
  for (const text of ['new', 'newer']) {
    await replaceFile(linkToLink, text)
    expect(await readFile(target, 'utf8')).toBe(text)
    expect((await lstat(link)).isSymbolicLink()).toBe(true)
    expect(await readlink(linkToLink)).toBe('link.d.ts')
  }
})

test('what cannot be written leaves the old file, and nothing beside it', async () => {
  const file = join(folder, 'kept.d.ts')
  await writeFile(file, 'old')
  const before = await readdir(folder)
  // A text that fails while it is written.
  const text = {
    toString: () => {
      throw new Error('full')
    },
  } as unknown as string
  await expect(replaceFile(file, text)).rejects.toThrow()
  expect(await readFile(file, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(before)
  await expect(replaceFile(join(folder, 'no', 'folder.d.ts'), 'x')).rejects.toThrow('ENOENT')
})
