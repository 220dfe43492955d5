import { writeFile } from 'node:fs/promises'
import { machine } from './machine.js'

/** Says what was measured: as text, as the rows of README.md with `--markdown`, and into a file with `--json`. */
export async function print({ bench, rows, micro = [], figures, server, settings, flags }) {
  const about = machine(server.version)
  const judged = figures.map(figure => ({ ...figure, reached: figure.measured.median <= figure.limit }))
  console.log(`\n${Object.values(about).join(', ')}\n${JSON.stringify(settings)}\n`)
  const table = TABLES[bench](rows)
  if (rows.length > 0) console.log(flags.markdown ? markdown(table) : columns(table))
  if (micro.length > 0) {
    const small = [['', 'cost'], ...micro.map(({ id, per, cost }) => [id, `${spread(cost, 2)} ${per}`])]
    console.log(`\n${flags.markdown ? markdown(small) : columns(small)}`)
  }
  const verdicts = [
    ['figure', 'at most', 'measured', ''],
    ...judged.map(({ what, limit, unit = '', measured, reached }) => [
      what,
      `${limit}${unit}`,
      `${spread(measured, 2)}${unit}`,
      reached ? 'reached' : 'missed',
    ]),
  ]
  if (judged.length > 0) console.log(`\n${flags.markdown ? markdown(verdicts) : columns(verdicts)}`)
  if (flags.json) {
    await writeFile(
      flags.json,
      `${JSON.stringify({ bench, machine: about, settings, rows, micro, figures: judged }, null, 2)}\n`,
    )
  }
}

const TABLES = {
  arrow: rows => [
    ['', 'ms', 'CPU ms', 'peak MB', 'MB added', 'time / knex', 'memory added / knex'],
    ...rows.map(row => [
      row.title,
      spread(row.wallMs, 0),
      spread(row.cpuMs, 0),
      spread(row.peakMb, 0),
      spread(row.addedMb, 0),
      spread(row.wall, 2),
      spread(row.added, 2),
    ]),
  ],
  reflect: rows => [
    ['', 'statements', 'ms', 'CPU ms', 'peak memory, MB', '/ extract-pg-schema'],
    ...rows.map(row => [
      row.title,
      String(row.statements),
      spread(row.ms, 0),
      spread(row.cpuMs, 0),
      spread(row.peakMb, 0),
      row.ratio ? spread(row.ratio, 3) : '',
    ]),
  ],
  observers: rows => [
    ['', 'CPU µs per statement', 'added', 'to', 'spans per unit'],
    ...rows.map(row => [
      `${row.workload}: ${row.id}`,
      spread(row.cpuUs, 1),
      row.added ? spread(row.added, 1) : '',
      row.added ? row.base : '',
      row.spans === null ? '' : row.spans.toFixed(1),
    ]),
  ],
  commit: rows => [
    [
      '',
      'engines',
      'concurrency',
      'µs per unit',
      'CPU µs per unit',
      '/ by hand',
      '/ one COMMIT after the other',
    ],
    ...rows.map(row => [
      row.title,
      String(row.engines),
      String(row.concurrency),
      spread(row.wallUs, 0),
      spread(row.cpuUs, 0),
      spread(row.hand, 2),
      row.plain ? spread(row.plain, 2) : '',
    ]),
  ],
  sharing: rows => [
    [
      '',
      'µs per statement',
      'CPU µs per statement',
      '/ the host itself',
      '/ knex on its own pool',
      'round trips',
    ],
    ...rows.map(row => [
      row.title,
      spread(row.wallUs, 0),
      spread(row.cpuUs, 0),
      spread(row.host, 2),
      spread(row.knex, 2),
      row.roundTrips.toFixed(2),
    ]),
  ],
  session: rows => [
    ['', 'concurrency', 'µs per unit', 'CPU µs per unit', '/ hand-written pg', '/ `knex.transaction()`'],
    ...rows.map(row => [
      row.network ? `${row.title} (network)` : row.title,
      String(row.concurrency),
      spread(row.wallUs, 0),
      spread(row.cpuUs, 0),
      row.a ? spread(row.a, 2) : '',
      row.d ? spread(row.d, 2) : '',
    ]),
  ],
}

/** `1.27 (1.25–1.30)`: the median and the quartiles. */
const spread = ({ median, low, high }, digits) =>
  `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`

function columns(table) {
  const widths = table[0].map((_, at) => Math.max(...table.map(row => row[at].length)))
  return table
    .map(row =>
      row
        .map((cell, at) => cell.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function markdown([head, ...rows]) {
  const line = cells => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
