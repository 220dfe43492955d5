import type { PanelLine } from '../command-line.ts'
import type { PanelAddress } from './address.ts'
import { doctor } from './doctor.ts'
import { findings } from './findings.ts'
import { holds } from './holds.ts'
import { look, type Wanted } from './look.ts'
import { now } from './now.ts'
import { queries } from './queries.ts'
import type { Report } from './report.ts'
import { request } from './request.ts'
import { runningPanel } from './running.ts'
import { drawn, json, screenOf } from './screen.ts'
import { tail } from './tail.ts'
import { tx } from './tx.ts'
import type { Moment } from './watcher.ts'

type Asking = Exclude<PanelLine, { command: 'open' }>
type Once = Exclude<Asking, { command: 'tail' }>

/** Asks the running panel, and prints the answer. Resolves to the exit code. */
export async function askPanel(line: Asking, print: (text: string) => Promise<void>): Promise<number> {
  const screen = screenOf(process.stdout)
  if (line.command === 'tail')
    return Promise.race([
      tail(
        () => addressOf(line),
        news => void print(`${line.json ? json(news.json) : drawn(news.blocks, screen)}\n`),
      ),
      // Its reader has seen enough.
      new Promise<number>(resolve => process.stdout.once('error', () => resolve(0))),
    ])
  const moment = await look(await addressOf(line), WANTED[line.command])
  const report = reportOf(line, moment)
  await print(`${line.json ? json(report.json, 2) : drawn(report.blocks, screen)}\n`)
  return report.isBad ? 1 : 0
}

const WANTED: Record<Once['command'], Wanted> = {
  now: 'findings',
  findings: 'findings',
  tx: 'findings',
  doctor: 'findings',
  holds: 'state',
  request: 'state',
  queries: 'state',
}

/** Says on stderr which one it is where there are several: what is asked for may be in another. */
async function addressOf({ panel, pid }: PanelLine): Promise<PanelAddress> {
  if (panel !== undefined) return panel
  const running = await runningPanel(pid)
  const { others } = running
  if (others.length > 0 && pid === undefined)
    console.error(
      `enginelight: pid ${running.pid} is the youngest of ${others.length + 1} processes; --pid asks ${others.join(', ')}.`,
    )
  return running.address
}

function reportOf(line: Once, moment: Moment): Report {
  switch (line.command) {
    case 'now':
      return now(moment)
    case 'holds':
      return holds(moment, line.engine)
    case 'findings':
      return findings(moment, line.failOn, line.accept)
    case 'request':
      return request(moment, line.id)
    case 'tx':
      return tx(moment, line.id)
    case 'queries':
      return queries(moment)
    case 'doctor':
      return doctor(moment)
    default:
      return line satisfies never
  }
}
