// How the scripts start other programs, and get what those need: installed packages, a build. Plain JavaScript on
// Node's own modules, since it runs before anything is installed.
import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
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

/** Installs what package-lock.json says, if that has changed since the last time. */
export async function installed() {
  const lock = join(root, 'package-lock.json')
  const marker = join(root, 'node_modules', '.package-lock.json')
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return
  // Not `npm ci`: it refuses a lock file in which the tools' binaries for another platform are missing, and not every
  // registry has them all. This takes the versions of the lock file too, and writes none.
  await must('npm install', run('npm', ['install', '--no-save', '--no-audit', '--no-fund']))
}

/** Compiles the library and, if it is missing or `fresh`, the panel's page. */
export async function built({ fresh = false } = {}) {
  await must('the build of the library', tool('tsc', ['-b', ...(fresh ? ['--force'] : [])]))
  await must('taking out the fault points', run('node', ['scripts/without-fault-points.js']))
  if (fresh || !existsSync(join(root, 'dist/panel-ui/index.html'))) {
    await must("the build of the panel's page", tool('vite', ['build', '--logLevel', 'warn']))
  }
}
