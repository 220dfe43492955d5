import {
  emptyState,
  laneKey,
  type Checkout,
  type Connection,
  type Engine,
  type PanelState,
  type Request,
  type Segment,
  type Statement,
  type Transaction,
} from '../../model/state.ts'
import { judge } from '../index.ts'
import { thresholdsOf } from '../thresholds.ts'

export const LINE = 'src/orders.ts:41'

const ENGINE: Engine = {
  engine: 'writer',
  pool: 'writer#1',
  isDefault: true,
  mode: 'transaction',
  access: 'write',
  enlist: 'atomic',
  transactional: false,
  source: 'connection',
  owned: true,
  min: 0,
  max: 2,
  checkoutTimeoutMs: 2_000,
  heldWarningMs: 30_000,
  idleInTransactionWarningMs: 10_000,
  transactions: 'told',
  server: '127.0.0.1:5432',
  database: 'shop',
  closed: false,
  lastConnectError: null,
}

const REQUEST: Request = {
  id: 'u1',
  kind: 'http',
  label: 'POST /orders',
  attribute: 'db',
  engines: {},
  startedAt: 0,
  endedAt: null,
  outcome: null,
  status: null,
  unreleased: [],
  sessions: [],
  checkouts: [],
  statements: [],
  transactions: [],
  omitted: 0,
  counted: [],
  stretches: [],
}

const CHECKOUT: Checkout = {
  id: 'k1',
  request: 'u1',
  session: 's1',
  engine: 'writer',
  pool: 'writer#1',
  site: LINE,
  isLineTaken: true,
  frames: [],
  askedAt: 0,
  state: 'waiting',
  acquiredAt: null,
  connection: null,
  slot: null,
  backendPid: null,
  endedAt: null,
  discarded: null,
  failure: null,
  dirty: null,
  keptFor: null,
  countsFrom: null,
  overdue: null,
  foundRunning: null,
}

const TRANSACTION: Transaction = {
  id: 't1',
  request: 'u1',
  connection: 'c1',
  engine: 'writer',
  checkout: 'k1',
  session: 's1',
  site: LINE,
  startedAt: 0,
  endedAt: null,
  ending: null,
  commit: null,
  failed: null,
  outcome: null,
  asked: null,
  statements: 0,
  savepoints: [],
}

const STATEMENT: Statement = {
  id: 'q1',
  request: 'u1',
  connection: 'c1',
  engine: 'writer',
  checkout: 'k1',
  session: 's1',
  transaction: null,
  text: 'select * from items where order_id = $1',
  parameters: 1,
  queuedMs: 0,
  site: LINE,
  cursor: false,
  valuesHash: null,
  within: null,
  startedAt: 0,
  endedAt: 1,
  rows: 1,
  command: 'SELECT',
  error: null,
}

export const aRequest = (facts: Partial<Request> = {}): Request => ({ ...REQUEST, ...facts })
export const aCheckout = (facts: Partial<Checkout> = {}): Checkout => ({ ...CHECKOUT, ...facts })
export const aTransaction = (facts: Partial<Transaction> = {}): Transaction => ({ ...TRANSACTION, ...facts })
export const aStatement = (facts: Partial<Statement> = {}): Statement => ({ ...STATEMENT, ...facts })

/** A check-out that has its connection since that time. */
export const aHold = (since: number, facts: Partial<Checkout> = {}): Checkout =>
  aCheckout({ state: 'held', acquiredAt: since, countsFrom: since, connection: 'c1', slot: 0, ...facts })

interface MadeUp {
  readonly engine?: Partial<Engine>
  readonly requests?: readonly Request[]
  /** What the connection in a slot does, and since when. */
  readonly lanes?: readonly Pick<Segment, 'phase' | 'from'>[]
  /** Times in which the event loop stood still, from and to. */
  readonly stalls?: readonly (readonly [from: number, to: number])[]
}

/** A process with one engine of two connections. What requests have open is found in the tables as well. */
export function made({ engine = {}, requests = [], lanes = [], stalls = [] }: MadeUp): PanelState {
  const facts = { ...ENGINE, ...engine }
  const { engine: name, pool, max } = facts
  const checkouts = requests.flatMap(request => request.checkouts).filter(({ endedAt }) => endedAt === null)
  const transactions = requests.flatMap(request => request.transactions)
  const open = transactions.filter(({ endedAt }) => endedAt === null)
  const connections = lanes.map(({ phase }, slot): Connection => {
    const id = `c${slot + 1}`
    return {
      id,
      engine: name,
      pool,
      slot,
      backendPid: 100 + slot,
      uses: 1,
      connectedAt: 0,
      disconnected: null,
      transaction: open.find(({ connection }) => connection === id)?.id ?? null,
      running: phase === 'executing' ? ['q1'] : [],
      counting: null,
      lastStatement: null,
    }
  })
  const byId = <T extends { id: string }>(all: readonly T[]) => new Map(all.map(one => [one.id, one]))
  return {
    ...emptyState,
    engines: new Map([[name, facts]]),
    pools: new Map([[pool, { id: pool, engine: name, max, retired: false, retiredAt: null, waits: [] }]]),
    connections: byId(connections),
    requests: byId(requests),
    order: requests.map(({ id }) => id),
    checkouts: byId(checkouts),
    transactions: byId(open),
    lanes: new Map(
      lanes.map(({ phase, from }, slot) => {
        const key = laneKey(pool, slot)
        const connection = `c${slot + 1}`
        const checkout = checkouts.find(held => held.connection === connection)
        const segments = [{ phase, from, to: null, request: checkout?.request ?? null }]
        return [key, { key, engine: name, pool, slot, connection, checkout: checkout?.id ?? null, segments }]
      }),
    ),
    stalls: new Map(stalls.map(([from, to]) => [String(to), { endedAt: to, stalledMs: to - from }])),
  }
}

/** What is found in it: `bad leak k1`, worst first. */
export const found = (state: PanelState, now: number): string[] =>
  judge(state, thresholdsOf(state), now).map(
    ({ severity, key, isOver }) => `${severity} ${key}${isOver ? ', over' : ''}`,
  )

export const sentences = (state: PanelState, now: number): string[] =>
  judge(state, thresholdsOf(state), now).map(({ sentence, why }) => (why ? `${sentence} ${why}` : sentence))
