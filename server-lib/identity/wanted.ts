import { processWide } from './process-wide.ts'

/** Something that costs too much to be done unless an observer asks for it. Counted over all copies of this package. */
export class Wanted {
  readonly #askers: { count: number }

  constructor(name: string) {
    this.#askers = processWide(name, () => ({ count: 0 }))
  }

  get isWanted(): boolean {
    return this.#askers.count > 0
  }

  /** Asks for it until the returned function is called. */
  want(): () => void {
    let isAsking = true
    this.#askers.count++
    return () => {
      if (isAsking) this.#askers.count--
      isAsking = false
    }
  }
}
