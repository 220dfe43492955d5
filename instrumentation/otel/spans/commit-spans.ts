import { SpanKind, SpanStatusCode } from '../api.ts'
import type { CommitMessage } from '../../../server-lib/channels/index.ts'
import { failSpan } from '../failure.ts'
import {
  COMMIT_ANSWER,
  COMMIT_ENGINES,
  COMMIT_GID,
  COMMIT_ID,
  COMMIT_MODE,
  COMMIT_OUTCOME,
  COMMIT_ROLE,
  COMMIT_STEP,
  COMMIT_TRANSACTION,
  DB_NAMESPACE,
  ENGINE_NAME,
  ERROR_TYPE,
  REQUEST_ID,
  SERVER_ADDRESS,
  SERVER_PORT,
  SESSION_ID,
} from '../semconv.ts'
import { lineAttributes } from './attributes.ts'
import type { SpanTree } from './span-tree.ts'

type Of<P extends CommitMessage['phase']> = Extract<CommitMessage, { phase: P }>

/**
 * One INTERNAL span for each `db.commit()`, beside the sessions that it commits, and one inside it for each step on
 * each engine. A COMMIT or PREPARE stays in the transaction that it ends; what is sent afterwards, such as COMMIT
 * PREPARED, belongs to its step.
 */
export class CommitSpans {
  readonly #tree: SpanTree

  constructor(tree: SpanTree) {
    this.#tree = tree
  }

  handle(message: CommitMessage): void {
    switch (message.phase) {
      case 'start':
        return this.#start(message)
      case 'step started':
        return this.#stepStarted(message)
      case 'step ended':
        return this.#stepEnded(message)
      case 'end':
        return this.#end(message)
      // Recovery belongs to no request, and reports the same transaction again and again: that is for metrics.
      case 'in doubt':
      case 'recovered':
        return
      default:
        message satisfies never
    }
  }

  /** 1st: the participants and their roles are known. */
  #start({ id, at, request, mode, transaction, participants, site }: Of<'start'>): void {
    const { commits } = this.#tree
    const open = this.#tree.start(
      'enginelight.commit',
      SpanKind.INTERNAL,
      at,
      {
        [COMMIT_ID]: id,
        [COMMIT_MODE]: mode,
        [COMMIT_TRANSACTION]: transaction ?? undefined,
        [REQUEST_ID]: request,
        ...(this.#tree.options.lines ? lineAttributes(site) : undefined),
      },
      { context: this.#tree.ofRequest(request).context, owner: undefined },
    )
    commits.set(id, {
      open,
      participants: new Map(participants.map(each => [each.engine, each])),
      isOver: false,
    })
  }

  /** 2nd, once for each step on each engine. */
  #stepStarted({ id, at, engine, step }: Of<'step started'>): void {
    const commit = this.#tree.commits.get(id)
    if (!commit) return
    const { role, session, gid } = commit.participants.get(engine) ?? {}
    const { database, serverAddress, serverPort } = this.#tree.engines.of(engine)
    const key = keyOf(id, engine, step)
    const open = this.#tree.start(
      `enginelight.step ${step} ${engine}`,
      SpanKind.INTERNAL,
      at,
      {
        [ENGINE_NAME]: engine,
        [COMMIT_ID]: id,
        [COMMIT_STEP]: step,
        [COMMIT_ROLE]: role,
        [COMMIT_GID]: gid ?? undefined,
        [SESSION_ID]: session,
        [DB_NAMESPACE]: database,
        [SERVER_ADDRESS]: serverAddress,
        [SERVER_PORT]: serverPort,
      },
      // Has no owner: the decision row is deleted after the commit is over and its caller has been answered.
      { context: commit.open.context, owner: undefined },
      () => this.#tree.steps.take(key),
    )
    this.#tree.steps.set(key, { open, session })
  }

  #stepEnded({ id, at, engine, step, command, error }: Of<'step ended'>): void {
    const key = keyOf(id, engine, step)
    const started = this.#tree.steps.get(key)
    if (!started) return
    const { span } = started.open
    if (command !== null) span.setAttribute(COMMIT_ANSWER, command)
    if (error) failSpan(span, error, this.#tree.options.errorMessages)
    started.open.end(at)
    // The last message about this commit.
    if (step === 'forget') this.#tree.commits.take(id)
  }

  /** 3rd: the caller is about to be answered. */
  #end({ id, at, outcome, engines, error }: Of<'end'>): void {
    const commit = this.#tree.commits.get(id)
    if (!commit || commit.isOver) return
    const { span } = commit.open
    const lines = Object.entries(engines).map(([engine, became]) => `${engine}: ${became}`)
    span.setAttributes({ [COMMIT_OUTCOME]: outcome, [COMMIT_ENGINES]: lines })
    if (error) failSpan(span, error, this.#tree.options.errorMessages)
    else if (outcome !== 'committed') {
      span.setAttribute(ERROR_TYPE, outcome)
      span.setStatus({ code: SpanStatusCode.ERROR, message: `the commit ended ${outcome}` })
    }
    commit.open.end(at)
    commit.isOver = true
    this.#tree.commitEnded(id)
  }
}

const keyOf = (id: string, engine: string, step: string) => `${id} ${engine} ${step}`
