/** A process with a panel, for tests. It says where the panel is, and ends with its parent. */
import { startPanel } from '../../index.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as object
const panel = await startPanel({ enabled: true, application: 'shop', ...options })
process.send?.({ url: panel.url })
process.on('disconnect', () => process.exit())
setInterval(() => {}, 1_000)
