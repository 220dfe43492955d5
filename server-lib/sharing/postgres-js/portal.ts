import { EventEmitter } from 'node:events'
import type { Submittable } from '../../postgres/driver.ts'
import { errorOf, fieldOf, textOf, type Field } from './answers.ts'
import type { SqlResult } from './postgres-sql.ts'

/** Sends one statement, and resolves to the answer of postgres.js. */
export type Run = (text: string, parameters: (string | null)[]) => Promise<unknown>

type Cells = (Uint8Array | null)[]

const READS = /^[\s(]*(select|values|with|table)\b/i
let last = 0

/**
 * What pg-cursor and pg-query-stream take for pg's side of the protocol. They read in batches from a cursor that is
 * declared in SQL. A statement that does not read, or runs outside of a transaction, is answered at once and passed on
 * in batches.
 */
export class Portal extends EventEmitter {
  readonly #run: Run
  readonly #submittable: Submittable
  readonly #name = `el_cursor_${++last}`
  readonly #canDeclare: boolean
  #text = ''
  #parameters: (string | null)[] = []
  #isDeclared = false
  /** The remaining rows of a statement that was not declared as a cursor. */
  #unread: Cells[] | undefined
  #rows = 0
  #isDescribed = false
  #hasFailed = false
  #isOver = false
  #last: Promise<void> = Promise.resolve()

  constructor(run: Run, submittable: Submittable, canDeclare: boolean) {
    super()
    this.#run = run
    this.#submittable = submittable
    this.#canDeclare = canDeclare
  }

  parse({ text }: { text: string }): void {
    this.#text = text
  }

  /** pg-cursor has prepared the values as pg does. Bytes become hex text. */
  bind({ values }: { values?: (string | Buffer | null)[] | null }): void {
    this.#parameters = (values ?? []).map(value =>
      Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value,
    )
  }

  describe(): void {
    this.#then(async () => {
      if (this.#canDeclare && READS.test(this.#text)) {
        await this.#run(`DECLARE ${this.#name} NO SCROLL CURSOR FOR ${this.#text}`, this.#parameters)
        this.#isDeclared = true
      } else {
        const result = (await this.#run(this.#text, this.#parameters)) as SqlResult
        this.#describe(result)
        this.#unread = Array.from(result)
      }
      this.emit('noData')
    })
  }

  flush(): void {}

  execute({ rows }: { rows: number }): void {
    this.#then(async () => {
      const batch = this.#unread ? this.#unread.splice(0, rows) : await this.#fetch(rows)
      this.#rows += batch.length
      for (const cells of batch) this.#submittable.handleDataRow?.({ fields: cells.map(textOf) })
      if (batch.length < rows)
        this.#submittable.handleCommandComplete?.({ text: `SELECT ${this.#rows}` }, this)
      else (this.#submittable as { handlePortalSuspended?(): void }).handlePortalSuspended?.()
    })
  }

  close(): void {}

  /** Effective once: after the last row, a close or a failure. */
  sync(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#last = this.#last.then(async () => {
      if (this.#isDeclared && !this.#hasFailed) await this.#run(`CLOSE ${this.#name}`, []).catch(() => {})
      if (!this.#hasFailed) this.#submittable.handleReadyForQuery?.(this)
      this.emit('readyForQuery')
    })
  }

  async #fetch(rows: number): Promise<Cells[]> {
    const result = (await this.#run(`FETCH ${rows} FROM ${this.#name}`, [])) as SqlResult
    this.#describe(result)
    return Array.from(result)
  }

  #describe({ columns }: SqlResult): void {
    if (this.#isDescribed) return
    this.#isDescribed = true
    const { _result } = this.#submittable as { _result?: { addFields(fields: Field[]): void } }
    // Called directly: the cursor's own handler would take it for the end of a batch.
    _result?.addFields((columns ?? []).map(fieldOf))
  }

  /** Queues work in order, and skips it after a failure. */
  #then(work: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      if (this.#hasFailed) return
      try {
        await work()
      } catch (error) {
        this.#hasFailed = true
        this.#submittable.handleError?.(errorOf(error), this)
      }
    })
  }
}
