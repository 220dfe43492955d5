/** What a run does when it is called inside a container, and outside any. */
const PLACES = {
  required: { inside: 'join', outside: 'open' },
  nested: { inside: 'savepoint', outside: 'open' },
  new: { inside: 'open', outside: 'open' },
  never: { inside: 'refuse', outside: 'open' },
  mandatory: { inside: 'join', outside: 'refuse' },
} as const satisfies Record<string, { inside: Place; outside: Place }>

/** Where a run does its work: in a container of its own, in the surrounding one, in a savepoint of that, or nowhere. */
export type Place = 'open' | 'join' | 'savepoint' | 'refuse'

export type Propagation = keyof typeof PLACES

export const PROPAGATIONS = Object.keys(PLACES) as Propagation[]

export function placeOf(propagation: Propagation, isInside: boolean): Place {
  return PLACES[propagation][isInside ? 'inside' : 'outside']
}
