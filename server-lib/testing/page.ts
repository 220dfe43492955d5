import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The text of a page of docs/. */
export const pageText = (name: string): Promise<string> => readFile(join(ROOT, 'docs', name), 'utf8')

/** The programs of a page, or of a part of it. */
export const codeBlocks = (text: string): string[] =>
  [...text.matchAll(/```ts\n([^]*?)```/g)].map(([, code = '']) => code)

/** A program of a page on the sources: the built package beside them would be a second library in one process. */
export const onSources = (code: string): string =>
  code.replace(/'enginelight(?:\/(sharing|schema)(?:\/([\w-]+))?)?'/g, (_, door?: string, host?: string) => {
    if (door === undefined) return `'${ROOT}server-lib/index.ts'`
    return `'${ROOT}server-lib/${door}/${host === undefined ? 'index' : `hosts/${host}`}.ts'`
  })

/** A folder as a reader of the page would have it: modules, with the packages that we have. */
export async function pageFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'enginelight-page-'))
  await symlink(join(ROOT, 'node_modules'), join(path, 'node_modules'))
  await writeFile(join(path, 'package.json'), '{ "type": "module" }')
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

const STRICT =
  '--ignoreConfig --noEmit --pretty false --strict --noImplicitOverride --erasableSyntaxOnly --skipLibCheck ' +
  '--module nodenext --target es2023 --lib es2023,esnext.disposable --types node --allowImportingTsExtensions'

/** What the compiler says of the files; `''` where it is content. */
export async function compile(files: readonly string[], folder = ROOT): Promise<string> {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const run = promisify(execFile)(process.execPath, [tsc, ...STRICT.split(' '), ...files], { cwd: folder })
  return run.then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
}
