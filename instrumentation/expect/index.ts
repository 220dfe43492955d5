/**
 * `enginelight/findings`: a test fails for what the panel would find. Importing it begins to watch this process; it needs
 * no panel and no port.
 */
import type { Finding } from '../model/finding.ts'
import { expectFindings, judged, type FindingsExpected } from './expect-no-findings.ts'
import { expectStatements as expectNumber } from './expect-statements.ts'
import { Witness } from './witness.ts'

export type { Finding, FindingKind, Severity, Subjects } from '../model/finding.ts'
export type { FindingsExpected } from './expect-no-findings.ts'
export type { SentStatement } from './expect-statements.ts'

// Now, because the first call comes after the first test.
const witness = new Witness()
witness.start()

/**
 * What is wrong in this process, and what was: leaks, full pools, lost commits, repeated statements; the worst first. Of what
 * has happened since this module was imported, as far as it is kept. `similarFrom` is 5 here, as in the panel.
 */
export const findings = (): readonly Finding[] => judged(witness.state())

/**
 * Rejects with `EL_FINDINGS` if anything was found since its last call: a connection that is still held, a write without
 * `commit()`, repeated statements. Its sentences name the lines. Made for `afterEach(expectNoFindings)` of vitest, Jest and
 * node:test.
 *
 * It looks at the whole process. If something is still held it waits for it, for a quarter of a second. What a test
 * provokes and sees by itself (a failed statement, a refused connection) is not counted; see `also`.
 */
export const expectNoFindings: {
  (): Promise<void>
  (options: FindingsExpected): Promise<void>
} = async function expectNoFindings(): Promise<void> {
  // Test runners pass an object of their own. A parameter in the signature would make Jest wait for a callback.
  // oxlint-disable-next-line prefer-rest-params
  await expectFindings(witness, ownOptions(arguments[0]))
}

/**
 * Runs a function and resolves to its result. Rejects with `EL_STATEMENTS` if this process sent more or fewer than `count`
 * statements meanwhile; the error lists them with their lines. BEGIN, COMMIT, savepoints and SET do not count. One at a
 * time: it cannot tell whose statements they are.
 */
export const expectStatements = <T>(work: () => T | PromiseLike<T>, count: number): Promise<T> =>
  expectNumber(witness, work, count)

/** Options are a plain object; the contexts of test runners are not. */
function ownOptions(given: unknown): FindingsExpected {
  const isPlain = typeof given === 'object' && given !== null && Object.getPrototypeOf(given) === PLAIN
  return isPlain && !('task' in given) ? given : {}
}

const PLAIN: unknown = Object.prototype
