import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url))

/** A client that Prisma's own generator has made of these models, in a folder of its own. Call `remove` in `afterAll`. */
export async function generatePrisma(models: string) {
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-prisma-'))
  await symlink(MODULES, join(folder, 'node_modules'))
  const schema = `
    generator client {
      provider = "prisma-client"
      output = "./generated"
    }
    datasource db {
      provider = "postgresql"
    }
    ${models}
  `
  await writeFile(join(folder, 'schema.prisma'), schema)
  // The engine for migrations is no part of generating, and would be downloaded.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true' }
  const prisma = join(MODULES, 'prisma/build/index.js')
  await promisify(execFile)(process.execPath, [prisma, 'generate', '--schema', 'schema.prisma'], {
    cwd: folder,
    env,
  })
  const made = (await import(pathToFileURL(join(folder, 'generated/client.ts')).href)) as {
    PrismaClient: new (options: { adapter: unknown }) => object
  }
  return { ...made, folder, remove: () => rm(folder, { recursive: true }) }
}
