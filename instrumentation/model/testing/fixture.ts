import type { Row } from '../codec.ts'
import { shop, type Scene } from './shop.ts'
import { apply } from '../apply.ts'
import { emptyState, type PanelState } from '../state.ts'

/** A recorded shop for tests: its rows, and the state that they lead to. */
export function recorded(scene: Scene, ms: number, seed?: number) {
  const world = shop(scene, seed)
  world.advance(ms)
  const { texts } = world.told
  return {
    world,
    texts,
    now: ms,
    rows: world.rows as readonly Row[],
    state: apply(emptyState, world.rows, texts),
  }
}

export const requestsOf = (state: PanelState) => state.order.map(id => state.requests.get(id)!)
