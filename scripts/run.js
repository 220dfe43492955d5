// The two commands of this repository: `npm run demo` and `npm test`, and `npm run test:long`.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { built, installed, root } from './shell.js'

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
    const child = spawn(process.execPath, [join(root, 'examples/shop/main.js'), ...rest], {
      cwd: root,
      stdio: 'inherit',
    })
    // Ctrl-C reaches the shop as well as us: it ends in order, and we end with it.
    for (const signal of ['SIGINT', 'SIGTERM'])
      process.on(signal, () => void (signal === 'SIGTERM' && child.kill(signal)))
    child.once('close', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
    break
  }
  case 'test':
  case 'test:long': {
    await installed()
    const { runTests } = await import('./test.js')
    process.exit(await runTests({ long: command === 'test:long', only: rest }))
    break
  }
  default:
    console.error(`enginelight: unknown command ${command}. There are demo, test and test:long.`)
    process.exit(1)
}
