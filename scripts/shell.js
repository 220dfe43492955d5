// How the scripts start other programs, and get what those need: installed packages, a build. Plain JavaScript on
// Node's own modules, since it runs before anything is installed.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a command in the repository and resolves to its exit code; with `capture` also to what it printed. */
export function run(command, args, { capture = false, env = {}, cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: capture ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      // npm and the tools' launchers are scripts on Windows.
      shell: process.platform === 'win32',
    })
    let output = ''
    child.stdout?.on('data', chunk => void (output += chunk))
    child.stderr?.on('data', chunk => void (output += chunk))
    child.once('error', reject)
    child.once('close', code => resolve({ code: code ?? 1, output }))
  })
}

/** A tool that is installed in node_modules. */
export const tool = (name, args, options) => run(join(root, 'node_modules', '.bin', name), args, options)

async function must(what, running) {
  const { code } = await running
  if (code !== 0) {
    console.error(`enginelight: ${what} failed (exit code ${code}).`)
    process.exit(code)
  }
}

/** Installs what package-lock.json says, unless node_modules holds just that: `npm ci` begins by removing it. */
export async function installed() {
  const lock = await packagesOf(join(root, 'package-lock.json'))
  // What npm has written there of its own last work. Times say nothing: a checkout changes them too.
  const there = await packagesOf(join(root, 'node_modules', '.package-lock.json')).catch(() => new Map())
  if (isInstalled(lock, there)) return
  await must('npm ci', run('npm', ['ci', '--no-audit', '--no-fund']))
}

async function packagesOf(path) {
  const { packages } = JSON.parse(await readFile(path, 'utf8'))
  return new Map(Object.entries(packages).filter(([folder]) => folder !== ''))
}

/** Those of another platform are in the lock file alone. */
export function isInstalled(lock, there) {
  if (there.size === 0 || [...there.keys()].some(folder => !lock.has(folder))) return false
  return [...lock].every(([folder, { version, optional }]) =>
    there.has(folder) ? there.get(folder).version === version : optional === true,
  )
}

/** Compiles the library and, if it is missing or `fresh`, the panel's page. */
export async function built({ fresh = false } = {}) {
  await must('the build of the library', tool('tsc', ['-b', ...(fresh ? ['--force'] : [])]))
  await must('taking out the fault points', run('node', ['scripts/without-fault-points.js']))
  if (fresh || !existsSync(join(root, 'dist/panel-ui/index.html'))) {
    await must("the build of the panel's page", tool('vite', ['build', '--logLevel', 'warn']))
  }
}
