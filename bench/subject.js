// The process in which one subject of a bench runs, alone: nothing that another one loads, patches or leaves on the
// heap can change its figures. It answers `{ units, concurrency }` with what that many units cost.
import { keyOf } from './unit.js'

const [, , module, options] = process.argv
const { open } = await import(module)
const subject = await open(JSON.parse(options))

let done = 0

async function runUnits(units, concurrency) {
  let left = units
  const loop = async () => {
    while (left-- > 0) await subject.unit(keyOf(done++))
  }
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  if (subject.batch) await subject.batch(units)
  else await Promise.all(Array.from({ length: concurrency }, loop))
  await subject.flush?.()
  const wallMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    wallUs: (wallMs * 1000) / units,
    cpuUs: (user + system) / units,
    units: done,
    ...subject.seen?.(),
  }
}

process.on('message', ({ units, concurrency }) => {
  runUnits(units, concurrency).then(
    result => process.send({ result }),
    error => process.send({ error: String(error?.stack ?? error) }),
  )
})
process.on('disconnect', async () => {
  await subject.close()
  process.exit(0)
})
process.send({ result: {} })
