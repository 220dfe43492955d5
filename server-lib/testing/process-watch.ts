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
    const isOurs = event === 'warning' && (what as Error).name === 'EnginelightWarning'
    if (this.#countsOurs || !isOurs) this.seen.push(`${event}: ${said(what)}`)
  }

  [Symbol.dispose](): void {
    for (const [event, listener] of this.#listeners) process.off(event, listener)
  }
}

const said = (what: unknown) => (what instanceof Error ? (what.stack ?? what.message) : String(what))
