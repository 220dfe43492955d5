const EVENTS = ['uncaughtException', 'unhandledRejection', 'warning'] as const

/** What reaches the process while a test runs and must not: each as a line. */
export class ProcessWatch implements Disposable {
  readonly seen: string[] = []
  readonly #listeners = EVENTS.map(
    event => [event, (what: unknown) => void this.seen.push(`${event}: ${said(what)}`)] as const,
  )

  constructor() {
    for (const [event, listener] of this.#listeners) process.on(event, listener)
  }

  [Symbol.dispose](): void {
    for (const [event, listener] of this.#listeners) process.off(event, listener)
  }
}

const said = (what: unknown) => (what instanceof Error ? (what.stack ?? what.message) : String(what))
