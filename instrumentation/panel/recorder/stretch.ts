import { BusyTime } from './busy-time.ts'

/** A time in which statements beyond the limit ran, on one connection or (null) in a request as a whole. */
export class Stretch {
  readonly part: number
  readonly connection: string | null
  readonly from: number
  total = 0
  running = 0
  /** Statements that are kept and run at the same time: their time is not counted again. */
  kept = 0
  /** When the last one was answered. */
  idleSince: number
  isOpen = true
  isChanged = true
  readonly #busy = new BusyTime()

  constructor(part: number, connection: string | null, from: number) {
    this.part = part
    this.connection = connection
    this.from = from
    this.idleSince = from
  }

  begin(at: number): void {
    this.total++
    this.running++
    this.isOpen = true
    this.settle(at)
  }

  end(at: number): void {
    this.running--
    this.idleSince = Math.max(at, this.idleSince)
    this.settle(at)
  }

  /** One that runs is kept after all. */
  giveUp(busyBefore: number, at: number): void {
    this.total--
    this.running--
    this.#busy.takeBackTo(busyBefore, at)
    this.settle(at)
  }

  settle(at: number): void {
    this.isChanged = true
    this.#busy.set(this.running > 0 && this.kept === 0, at)
  }

  close(): void {
    if (!this.isOpen || this.running > 0) return
    this.isOpen = false
    this.isChanged = true
  }

  busyUntil(at: number): number {
    return this.#busy.until(at)
  }

  factsAt(at: number) {
    const { part, connection, total, from } = this
    const until = this.isOpen ? null : this.idleSince
    return { part, connection, total, busyMs: this.busyUntil(at), from, until }
  }
}
