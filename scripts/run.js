// The commands of this repository: `npm run demo`, `npm run check`, `npm test`, `npm run test:long` and the benches.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { built, installed, root, run } from './shell.js'

const [, , command, ...rest] = process.argv

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`enginelight needs Node 20.19 or newer; this is ${process.version}.`)
  process.exit(1)
}
switch (command) {
  case 'demo': {
    await installed()
    await built()
    // In this process, so that a Ctrl-C and a signal to it reach the shop itself, and end with it.
    endWithNpm()
    const shop = join(root, 'examples/shop/main.js')
    process.argv.splice(1, Infinity, shop, ...rest)
    await import(pathToFileURL(shop).href)
    break
  }
  case 'test':
  case 'test:long': {
    await installed()
    const { runTests } = await import('./test.js')
    process.exit(await runTests({ long: command === 'test:long', only: rest }))
    break
  }
  case 'check': {
    await installed()
    const { runChecks } = await import('./test.js')
    process.exit(await runChecks())
    break
  }
  case 'test:scenarios': {
    await installed()
    await built()
    const { code } = await run('node', [join('bench', 'scenarios.js'), ...rest])
    process.exit(code)
    break
  }
  case 'test:crash': {
    await installed()
    await built()
    const { code } = await run('node', [join('bench', 'crash.js'), ...rest])
    process.exit(code)
    break
  }
  case 'bench:session':
  case 'bench:observers':
  case 'bench:commit':
  case 'bench:arrow':
  case 'bench:reflect':
  case 'bench:sharing':
  case 'bench:soak':
  case 'bench:page':
  case 'bench:rows': {
    await installed()
    await built()
    // In a process of its own: nothing of ours is in the figures.
    const { code } = await run('node', [join('bench', `${command.slice('bench:'.length)}.js`), ...rest])
    process.exit(code)
    break
  }
  default:
    console.error(
      `enginelight: unknown command ${command}. There are demo, check, test, test:long, test:crash, test:scenarios, bench:session, bench:observers, bench:commit, bench:arrow, bench:reflect, bench:sharing, bench:soak, bench:page and bench:rows.`,
    )
    process.exit(1)
}

/** npm and its shell end at a SIGTERM without passing it on; the shop must not go on without them. */
function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return
  const parent = process.ppid
  setInterval(() => void (process.ppid !== parent && process.kill(process.pid, 'SIGTERM')), 500).unref()
}
