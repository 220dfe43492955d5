import type { Attributes, Context, SpanKind, Tracer } from '@opentelemetry/api'
import { context, trace } from '../api.ts'
import type { CommitParticipant } from '../../../server-lib/channels/index.ts'
import { BoundedMap } from '../bounded-map.ts'
import { wallTime } from '../clock.ts'
import type { EngineFacts } from '../engine-facts.ts'
import { guarded } from '../guarded.ts'
import type { Options } from '../options.ts'
import { OpenSpan } from './open-span.ts'

/**
 * How many of each kind may be open at once. The oldest is evicted, so that an end which never comes costs no memory.
 */
const OPEN_AT_ONCE = 10_000
const OVER_KEPT = 100

/** A transaction's span, and the spans of its open savepoints, outermost first. */
export interface OpenTransaction {
  readonly open: OpenSpan
  readonly savepoints: { readonly name: string; readonly open: OpenSpan }[]
}

export interface OpenRequest {
  readonly open: OpenSpan
  /** The context that the request began in. */
  readonly outside: Context
}

/** A commit's span, and its participants. Kept for a while after the commit, because one of its steps may end later. */
export interface OpenCommit {
  readonly open: OpenSpan
  readonly participants: ReadonlyMap<string, CommitParticipant>
  isOver: boolean
}

export interface OpenStep {
  readonly open: OpenSpan
  readonly session: string | undefined
}

export interface Parent {
  readonly context: Context
  readonly owner: OpenSpan | undefined
}

interface Ids {
  readonly request: string | null
  readonly session: string | null
}

/**
 * What is open, by id, and so each span's parent. Nothing here depends on the context in which a late message comes.
 */
export class SpanTree {
  readonly options: Options
  readonly engines: EngineFacts
  readonly requests: BoundedMap<OpenRequest>
  readonly sessions: BoundedMap<OpenSpan>
  readonly transactions: BoundedMap<OpenTransaction>
  readonly statements: BoundedMap<OpenSpan>
  readonly commits: BoundedMap<OpenCommit>
  readonly steps: BoundedMap<OpenStep>
  /** Commits that are over, of which a step may still come; not counted as open. */
  readonly #over = new Set<string>()
  readonly #tracer: () => Tracer

  constructor(tracer: () => Tracer, options: Options, engines: EngineFacts, limit = OPEN_AT_ONCE) {
    this.#tracer = tracer
    this.options = options
    this.engines = engines
    const evict = (open: OpenSpan) => open.abandon('too many are open', performance.now())
    this.requests = new BoundedMap(limit, ({ open }) => evict(open))
    this.sessions = new BoundedMap(limit, evict)
    this.transactions = new BoundedMap(limit, ({ open }) => evict(open))
    this.statements = new BoundedMap(limit, evict)
    this.commits = new BoundedMap(limit, ({ open }) => evict(open))
    this.steps = new BoundedMap(limit, ({ open }) => evict(open))
  }

  start(
    name: string,
    kind: SpanKind,
    at: number,
    attributes: Attributes,
    parent: Parent,
    forget?: () => void,
  ): OpenSpan {
    const span = this.#tracer().startSpan(name, { kind, startTime: wallTime(at), attributes }, parent.context)
    return new OpenSpan(span, parent.context, parent.owner, forget)
  }

  /**
   * The parent for a request's work outside of its sessions: the active span, if the application opened one inside the
   * request, otherwise the request's own span.
   */
  ofRequest(request: string | null, active: Context = context.active()): Parent {
    const open = request === null ? undefined : this.requests.get(request)
    if (!open) return { context: active, owner: undefined }
    const inside = trace.getSpan(active) !== trace.getSpan(open.outside)
    return { context: inside ? active : open.open.context, owner: undefined }
  }

  /** The session's span if there is one, otherwise as `ofRequest`. */
  ofSession({ request, session }: Ids, active?: Context): Parent {
    const open = session === null ? undefined : this.sessions.get(session)
    return open ? { context: open.context, owner: open } : this.ofRequest(request, active)
  }

  /** The innermost savepoint of the transaction, or the transaction, otherwise as `ofSession`. */
  ofTransaction(
    ids: Ids & { readonly transaction: string | null },
    inSavepoint: boolean,
    active?: Context,
  ): Parent {
    const transaction = ids.transaction === null ? undefined : this.transactions.get(ids.transaction)
    if (!transaction) return this.ofSession(ids, active)
    const owner = (inSavepoint ? transaction.savepoints.at(-1)?.open : undefined) ?? transaction.open
    return { context: owner.context, owner }
  }

  /** The step that a commit is running on a session: statements outside of a transaction belong to it. */
  ofStep(session: string | null): Parent | undefined {
    if (session === null || this.steps.size === 0) return undefined
    const step = this.steps.find(({ session: its }) => its === session)
    return step && { context: step.open.context, owner: step.open }
  }

  /** Keeps the latest commits that are over, until their last step is reported or newer ones replace them. */
  commitEnded(id: string): void {
    this.#over.add(id)
    for (const oldest of this.#over) {
      if (this.#over.size <= OVER_KEPT && this.commits.get(oldest)) return
      this.#over.delete(oldest)
      this.commits.take(oldest)
    }
  }

  get size(): number {
    const { requests, sessions, transactions, statements, commits, steps } = this
    const open = requests.size + sessions.size + transactions.size + statements.size + steps.size
    return open + commits.count(({ isOver }) => !isOver)
  }

  /** Ends everything that is open, the innermost first. */
  abandonAll(): void {
    const at = performance.now()
    // One by one: a processor that throws at one span's end must not stop the others.
    const abandon = guarded('disabling', (open: OpenSpan) =>
      open.abandon('the instrumentation was disabled', at),
    )
    this.statements.drain().forEach(abandon)
    this.steps.drain().forEach(({ open }) => abandon(open))
    this.commits.drain().forEach(({ open }) => abandon(open))
    this.transactions.drain().forEach(({ open }) => abandon(open))
    this.sessions.drain().forEach(abandon)
    this.requests.drain().forEach(({ open }) => abandon(open))
  }
}
