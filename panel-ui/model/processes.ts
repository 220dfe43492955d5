import type { ProcessFacts } from '../../instrumentation/model/protocol.ts'
import type { Link } from '../connection.ts'
import { PanelModel } from './panel-model.ts'

/** A process of the project, and what the page knows of it. */
export interface Watched {
  readonly facts: ProcessFacts
  readonly model: PanelModel
  /** Epoch milliseconds; null while it lives. */
  readonly endedAt: number | null
}

export interface ProcessesView {
  /** The oldest first. */
  readonly all: readonly Watched[]
  readonly shown: Watched | null
}

type Frame = (flush: () => void) => void

/** The link to one process. */
export interface Feed {
  /** Ends it for good: the process is gone. */
  end(): void
  retryNow(): void
}

/** So many that have ended stay readable. */
const ENDED_KEPT = 2

/** Every process of the project, each with a model of its own: ids of two runs never mix. One of them is shown. */
export class Processes {
  /** Called when another process is shown than before. */
  onSwitch: () => void = () => {}
  readonly #open: (model: PanelModel, boot: string) => Feed
  readonly #pace: () => Frame
  readonly #feeds = new Map<string, Feed>()
  readonly #listeners = new Set<() => void>()
  #view: ProcessesView = { all: [], shown: null }
  /** Drawn while no process is known. */
  readonly nobody: PanelModel

  /** `pace` makes what calls back in a frame, for each model its own. */
  constructor(pace: () => Frame, open: (model: PanelModel, boot: string) => Feed) {
    this.#pace = pace
    this.#open = open
    this.nobody = new PanelModel(pace())
  }

  readonly view = (): ProcessesView => this.#view

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The link to the list itself. */
  link(link: Link): void {
    this.nobody.link(link)
    this.#emit({})
  }

  /** These live now. One that was known and is not among them has ended. */
  heard(living: readonly ProcessFacts[]): void {
    const known = new Map(this.#view.all.map(watched => [watched.facts.boot, watched]))
    const now = Date.now()
    const ended: Watched[] = []
    for (const watched of known.values()) {
      if (living.some(({ boot }) => boot === watched.facts.boot)) continue
      ended.push(watched.endedAt === null ? this.#end(watched, now) : watched)
    }
    const kept = ended.toSorted((a, b) => a.endedAt! - b.endedAt!).slice(-ENDED_KEPT)
    const alive = living.map(facts => {
      const watched = known.get(facts.boot)
      return watched?.endedAt === null ? watched : this.#begin(facts, watched?.model)
    })
    const all = [...kept, ...alive].toSorted((a, b) => a.facts.startedAt - b.facts.startedAt)
    this.#emit({ all, shown: next(all, this.#view.shown) })
  }

  show(boot: string): void {
    const shown = this.#view.all.find(({ facts }) => facts.boot === boot)
    if (shown) this.#emit({ shown })
  }

  retryNow(): void {
    for (const feed of this.#feeds.values()) feed.retryNow()
  }

  /** With a model where it was taken for ended, and was only out of sight. */
  #begin(facts: ProcessFacts, model = new PanelModel(this.#pace())): Watched {
    this.#feeds.set(facts.boot, this.#open(model, facts.boot))
    return { facts, model, endedAt: null }
  }

  #end(watched: Watched, at: number): Watched {
    const { boot } = watched.facts
    this.#feeds.get(boot)?.end()
    this.#feeds.delete(boot)
    watched.model.link({ state: 'ended', at })
    return { ...watched, endedAt: at }
  }

  #emit(change: Partial<ProcessesView>): void {
    const before = this.#view.shown
    this.#view = { ...this.#view, ...change }
    if (before && before.facts.boot !== this.#view.shown?.facts.boot) this.onSwitch()
    for (const listener of this.#listeners) listener()
  }
}

/** The same as before; once that has ended, the process that was started in its place. */
function next(all: readonly Watched[], shown: Watched | null): Watched | null {
  const same = all.find(({ facts }) => facts.boot === shown?.facts.boot)
  const living = all.filter(({ endedAt }) => endedAt === null)
  if (same && (same.endedAt === null || living.length === 0)) return same
  if (!shown) return living[0] ?? all.at(-1) ?? null
  const { application, worker, startedAt } = shown.facts
  const successors = living.filter(
    ({ facts }) => facts.application === application && facts.startedAt > startedAt,
  )
  const successor = successors.find(({ facts }) => facts.worker === worker) ?? successors[0]
  // One that had ended before was chosen by hand.
  if (same && shown.endedAt !== null) return same
  return successor ?? same ?? living[0] ?? null
}
