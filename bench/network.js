// A network in front of the server, in a process of its own: what it computes is none of the client's time.
import { startFaultProxy } from '../.cache/compiled/server-lib/testing/fault-proxy.js'

const [, , url, delayMs] = process.argv
const proxy = await startFaultProxy(url)
proxy.set({ delayMs: Number(delayMs) })
process.on('disconnect', () => void proxy.stop().then(() => process.exit(0)))
process.send({ result: { url: proxy.url } })
