// The process in which one subject of a bench runs, alone: nothing that another one loads, patches or leaves on the
// heap can change its figures. Or several, which then do change each other's, as in an application. It answers
// `{ name, units, concurrency }` with what that many units of the subject cost.
import { keyOf } from './unit.js'

const subjects = new Map()
for (const { name, module, options } of JSON.parse(process.argv[2])) {
  const { open } = await import(module)
  subjects.set(name, await open(options))
}

let done = 0

async function runUnits(subject, units, concurrency) {
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

process.on('message', ({ name, units, concurrency }) => {
  runUnits(subjects.get(name), units, concurrency).then(
    result => process.send({ result }),
    error => process.send({ error: String(error?.stack ?? error) }),
  )
})
process.on('disconnect', async () => {
  for (const subject of subjects.values()) await subject.close()
  process.exit(0)
})
process.send({ result: {} })
