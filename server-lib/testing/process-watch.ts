const EVENTS = ['uncaughtException', 'unhandledRejection', 'warning'] as const

/** What reaches the process while a test runs and must not: each as a line. Warnings of the library itself only where asked. */
export class ProcessWatch implements Disposable {
  readonly seen: string[] = []
  readonly #listeners = EVENTS.map(event => [event, (what: unknown) => this.#saw(event, what)] as const)
  readonly #countsOurs: boolean

  constructor({ countsOurs = true } = {}) {
    this.#countsOurs = countsOurs
    for (const [event, listener] of this.#listeners) process.on(event, listener)
  }

  #saw(event: (typeof EVENTS)[number], what: unknown): void {
    const { name, code } = what as Error & { code?: unknown }
    const isOurs = event === 'warning' && name === 'EnginelightWarning'
    if (isOurs && ABOUT_THE_APPLICATION.has(code)) return
    if (this.#countsOurs || !isOurs) this.seen.push(`${event}: ${said(what)}`)
  }

  [Symbol.dispose](): void {
    for (const [event, listener] of this.#listeners) process.off(event, listener)
  }
}

/** Random work forgets a commit now and then, and ends its transaction by a text. */
const ABOUT_THE_APPLICATION = new Set<unknown>(['EL_NOT_COMMITTED', 'EL_TRANSACTION_CONTROL'])

const said = (what: unknown) => (what instanceof Error ? (what.stack ?? what.message) : String(what))
