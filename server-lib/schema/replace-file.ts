import { randomUUID } from 'node:crypto'
import { access, constants, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

/**
 * Writes a file beside the old one and moves it into its place: a reader finds the old text or the new, and a full disk
 * or a crash leaves the old. Permissions stay, and a symbolic link stays one. A file without write permission is not
 * replaced either.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  const target = await behindLinks(file)
  const old = await stat(target).catch(unlessMissing)
  if (old) await access(target, constants.W_OK)
  const beside = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`)
  try {
    // `wx` refuses to write into an existing file.
    const handle = await open(beside, 'wx', old?.mode)
    try {
      await handle.writeFile(text)
      // The umask applies to the mode given to open().
      if (old) await handle.chmod(old.mode)
      if (old && process.getuid?.() === 0) await handle.chown(old.uid, old.gid)
      // Otherwise a power cut can leave the new name with an empty file.
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, target)
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {})
    throw error
  }
}

/** The file that a path resolves to, whether it exists or not. */
async function behindLinks(file: string): Promise<string> {
  const there = await realpath(file).catch(unlessMissing)
  if (there !== undefined) return there
  const next = await readlink(file).catch(() => undefined)
  return next === undefined ? file : behindLinks(resolve(dirname(file), next))
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
