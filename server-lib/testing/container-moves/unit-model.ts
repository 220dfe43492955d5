import type { EnginelightError } from '../../index.ts'
import type { Name } from './move.ts'

/** A row that a container has written, and on which engine. */
export interface Row {
  readonly id: string
  readonly on: Name
}

/**
 * Which rows must be there at the end, by what the container was told. It knows nothing of how a commit works: what was
 * acknowledged as committed is there, all of what may have been committed or none, and nothing else.
 */
export class UnitModel {
  /** Written and neither committed nor rolled back. */
  pending: Row[] = []
  /** Written by a hook after the outcome: the beginning of what comes next. */
  next: Row[] = []
  readonly committed = new Set<string>()
  /** Of each nobody was told: all or none of the group. */
  readonly unknown: string[][] = []
  /** Written beside a commit: of that one, of the next, or of none. */
  readonly doubtful = new Set<string>()

  undo(ids: readonly Row[]): void {
    const undone = new Set(ids)
    this.pending = this.pending.filter(row => !undone.has(row))
  }

  wasCommitted(): void {
    for (const { id } of this.pending) this.committed.add(id)
    this.#begin()
  }

  wasRolledBack(): void {
    this.#begin()
  }

  #begin(): void {
    this.pending = this.next
    this.next = []
  }

  sessionCommitted(on: Name): void {
    for (const row of this.#of(on)) this.committed.add(row.id)
    this.undo(this.#of(on))
  }

  sessionRolledBack(on: Name): void {
    this.undo(this.#of(on))
  }

  sessionUnknown(on: Name): void {
    this.unknown.push(this.#of(on).map(({ id }) => id))
    this.undo(this.#of(on))
  }

  /** A commit was refused as such, and so changed nothing, or it failed: then it says what is left of it. */
  commitFailed(error: EnginelightError): void {
    switch (error.code) {
      case 'EL_ILLEGAL_MOVE':
      case 'EL_DOOMED':
        return
      case 'EL_COMMIT_UNKNOWN':
        this.unknown.push(this.pending.map(({ id }) => id))
        break
      case 'EL_PARTIAL_COMMIT':
        for (const name of error.committed ?? []) {
          for (const { id } of this.#of(name as Name)) this.committed.add(id)
        }
        for (const name of error.unknown ?? []) this.unknown.push(this.#of(name as Name).map(({ id }) => id))
        break
      default:
    }
    this.#begin()
  }

  #of(on: Name): Row[] {
    return this.pending.filter(row => row.on === on)
  }

  /** What is not as it was told, of the rows that are there. */
  untrue(found: ReadonlySet<string>): string[] {
    const wrong: string[] = []
    for (const id of this.committed) if (!found.has(id)) wrong.push(`${id} was committed and is not there`)
    const known = new Set([...this.committed, ...this.doubtful])
    for (const group of this.unknown) {
      const there = group.filter(id => found.has(id))
      if (there.length > 0 && there.length < group.length) {
        wrong.push(`of ${group.join(', ')}, all or none, there are ${there.join(', ')}`)
      }
      for (const id of group) known.add(id)
    }
    for (const id of found) if (!known.has(id)) wrong.push(`${id} was not committed and is there`)
    return wrong
  }
}
