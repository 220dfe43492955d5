import type { Submittable } from '../postgres/driver.ts'

/** A COPY FROM STDIN that sends no data and no end, as pg-copy-streams does while its source is slow. */
export class CopyIn implements Submittable {
  readonly text: string
  readonly begun: Promise<void>
  #began!: () => void

  constructor(text: string) {
    this.text = text
    this.begun = new Promise(resolve => void (this.#began = resolve))
  }

  submit(connection: { query(text: string): void }): void {
    connection.query(this.text)
  }

  handleCopyInResponse(): void {
    this.#began()
  }

  handleError(): void {}
  handleCommandComplete(): void {}
  handleReadyForQuery(): void {}
}
