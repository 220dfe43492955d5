// The process in which one way reads the schema, once, and then ends: as an application that starts. Its connection is
// new, and so are the caches that the server keeps of the catalogue for each.
const [, , module, options] = process.argv
const subject = await import(module)
const way = await subject.open(JSON.parse(options))
const cpuBefore = process.cpuUsage()
const startedAt = performance.now()
const found = await way.read()
const ms = performance.now() - startedAt
const { user, system } = process.cpuUsage(cpuBefore)
const peakMb = process.resourceUsage().maxRSS / 1024
await way.close()
process.send({ found, ms, cpuMs: (user + system) / 1000, peakMb })
process.disconnect()
