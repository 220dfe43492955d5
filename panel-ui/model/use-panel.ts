import { createContext, use, useState, useSyncExternalStore } from 'react'
import { judge, judgeRequest } from '../../instrumentation/findings/index.ts'
import { thresholdsOf } from '../../instrumentation/findings/thresholds.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import { inWordsOfNow } from './words-of-now.ts'
import type { PanelModel, PanelView } from './panel-model.ts'
import type { PanelState, Request } from '../../instrumentation/model/state.ts'

export const PanelContext = createContext<PanelModel | null>(null)

export function useModel(): PanelModel {
  const model = use(PanelContext)
  if (!model) throw new Error('A view was drawn outside of PanelContext.')
  return model
}

/** A part of the model; the view is drawn again when that part changes. */
export function usePanel<T>(select: (view: PanelView) => T): T {
  const model = useModel()
  return useSyncExternalStore(model.subscribe, () => select(model.view()))
}

/**
 * A request, for as long as it is shown: the page forgets the oldest ones, but not under the reader's eyes. `past` is
 * where else to find it.
 */
export function useRequest(id: string, past: PanelState['requests'] | null): Request | undefined {
  const request = usePanel(view => view.state.requests.get(id))
  const [seen, setSeen] = useState(request)
  if (request !== undefined && request !== seen) setSeen(request)
  return request ?? (seen?.id === id ? seen : past?.get(id))
}

/** The process's time, four times a second while something runs. */
export function useNow(): number {
  const { clock } = useModel()
  return useSyncExternalStore(clock.subscribe, clock.ticked)
}

/** The same while something runs; once it is over, time stands still and nothing is drawn again. */
export function useNowWhile(isRunning: boolean): number {
  const { clock } = useModel()
  return useSyncExternalStore(clock.subscribe, isRunning ? clock.ticked : zero)
}

const zero = () => 0

export interface Moment {
  readonly now: number
  readonly state: PanelState
}

const moments = new WeakMap<PanelModel, Moment & { readonly tick: number }>()

/** State and time together: new with each news, and with each tick of the clock. */
export function useMoment(): Moment {
  const model = useModel()
  return useSyncExternalStore(subscribeTo(model), () => momentOf(model))
}

const subscriptions = new WeakMap<PanelModel, (listener: () => void) => () => void>()

/** Always the same function, so that no view subscribes again when it is drawn. */
function subscribeTo(model: PanelModel): (listener: () => void) => () => void {
  let subscribe = subscriptions.get(model)
  if (subscribe === undefined) {
    subscribe = listener => {
      const stops = [model.subscribe(listener), model.clock.subscribe(listener)]
      return () => stops.forEach(stop => stop())
    }
    subscriptions.set(model, subscribe)
  }
  return subscribe
}

function momentOf(model: PanelModel): Moment {
  const { state } = model.view()
  const tick = model.clock.ticked()
  const last = moments.get(model)
  if (last?.state === state && last.tick === tick) return last
  const moment = { now: model.clock.now(), state, tick }
  moments.set(model, moment)
  return moment
}

/** What is wrong and what was, as the process told, in the words of now; before it has told, by the same rules. */
export function useFindings(moment: Moment): readonly Finding[] {
  const told = usePanel(view => view.findings)
  const truth = usePanel(view => view.truth)
  const { state, now } = moment
  return told ? inWordsOfNow(told, moment, truth) : judge(state, thresholdsOf(state), now, truth)
}

/** The same of one request. One that the process has forgotten, or not yet judged, is judged by the same rules. */
export function useFindingsOf(request: Request | undefined, now: number): readonly Finding[] {
  const model = useModel()
  const told = usePanel(view => view.findings)
  if (!request) return []
  // Read as it is: what is judged is drawn again when the request, or what was told, changes.
  const { state } = model.view()
  const own = told?.filter(({ about }) => about.request === request.id) ?? []
  return [...own, ...judgeRequest(request, thresholdsOf(state), now, state)]
}
