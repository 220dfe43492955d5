const MIB = 2 ** 20
/** What kills, aborts and timeouts may be told as. */
const EXPECTED_ERRORS = new Set([
  'EL_CONNECTION_LOST',
  'EL_COMMIT_UNKNOWN',
  'EL_CHECKOUT_FAILED',
  'EL_ENDED',
  'EL_STATEMENT_TIMEOUT',
  'EL_TRANSACTION_FAILED',
  '57014',
  '57P01',
])

/** What was seen beside what must hold; `holds` is undefined where there is no bound. */
export function judge({ requests, before, after, end, truth, load }) {
  const { counts, acknowledgedSum, unknown, errors, warnings } = end
  const mib = bytes => `${(bytes / MIB).toFixed(1)} MiB`
  const pair = of => `${of(before)} -> ${of(after)}`
  const unexpected = Object.keys(errors).filter(code => !EXPECTED_ERRORS.has(code))
  const rows = []
  const row = (what, seen, bound, holds) => void rows.push({ what, seen, bound, holds })

  row('answered 200 / with an error', `${load.answers.ok} / ${load.answers.failed}`)
  row('kills, aborts, timeouts', `${load.kills}, ${load.aborts}, ${load.timeouts}`)
  row('requests without an answer', load.answers.lost, '0', load.answers.lost === 0)
  row(
    'errors',
    list(errors) || 'none',
    `${unexpected.join(', ') || 'none'} unexpected`,
    unexpected.length === 0,
  )
  row('warnings', list(warnings) || 'none', 'none', Object.keys(warnings).length === 0)
  row('dirty hand-outs', counts.dirty, '0', counts.dirty === 0)

  const kept = truth.rows - truth.unknownRows
  const keptSum = BigInt(truth.sum) - BigInt(truth.unknownSum)
  row(
    'acknowledged commits',
    counts.acknowledged,
    `${kept} rows, the same`,
    counts.acknowledged === kept && BigInt(acknowledgedSum) === keptSum,
  )
  row('unknown outcomes', unknown.length, `${truth.unknownRows} of them rows`)

  const heapGrowth = after.heapUsed - before.heapUsed
  row(
    'heap after collection',
    pair(({ heapUsed }) => mib(heapUsed)),
    '< 2 MiB more',
    heapGrowth < 2 * MIB,
  )
  row(
    'external memory',
    pair(({ external }) => mib(external)),
    '< 2 MiB more',
    after.external - before.external < 2 * MIB,
  )
  const isLong = requests >= 100_000
  row(
    'RSS',
    pair(({ rss }) => mib(rss)),
    isLong ? '< 1.3 times' : undefined,
    isLong ? after.rss < 1.3 * before.rss : undefined,
  )
  row(
    'listeners of a connection',
    pair(({ listeners }) => listeners),
    'the same',
    after.listeners === before.listeners,
  )
  const timers = ({ resources }) => resources.Timeout ?? 0
  row('timers', pair(timers), '<= 3 more', timers(after) <= timers(before) + 3)
  // Beside the connections to the server: none.
  const sockets = ({ resources, pools }) =>
    (resources.TCPSocketWrap ?? 0) - pools.reduce((sum, { connections }) => sum + connections, 0)
  row('sockets beside the pools', pair(sockets), '0', sockets(after) === 0)
  const inUse = ({ pools }) => pools.reduce((sum, { used, waiters }) => sum + used + waiters, 0)
  row('connections held or awaited', pair(inUse), '0', inUse(after) === 0)
  row(
    'connections, of the pools',
    pair(poolText),
    'as the server counts',
    [before, after].every(isAsServerCounts),
  )

  row('close()', `${end.closeMs.toFixed(0)} ms, ${end.cut.length} cut`, 'quiet', end.cut.length === 0)
  row('exit code', end.exitCode, '0, by itself', end.exitCode === 0)
  row(
    'backends, open and prepared',
    `${truth.backends}, ${truth.openTransactions}, ${truth.prepared}`,
    '0, 0, 0',
    truth.backends + truth.openTransactions + truth.prepared === 0,
  )
  row('sessions killed / abandoned', `${truth.killed} / ${truth.abandoned}`)
  return rows
}

const list = counts =>
  Object.entries(counts)
    .map(([key, count]) => `${key} ${count}`)
    .join(', ')

const poolText = ({ pools }) => pools.map(({ connections }) => connections).join('+')

function isAsServerCounts({ pools, server }) {
  return pools.every(
    ({ engine, connections }) => connections === (server.find(row => row.engine === engine)?.backends ?? 0),
  )
}
