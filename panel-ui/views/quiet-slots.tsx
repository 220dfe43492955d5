import type { Connection } from '../../instrumentation/model/state.ts'

interface Props {
  /** The connections on those slots that have one. */
  free: readonly Connection[]
  unopened: number
  isOpened: boolean
  onToggle: () => void
}

/** All slots of a pool on which nothing has happened, in a few words. */
export function QuietSlots({ free, unopened, isOpened, onToggle }: Props) {
  const words = [free.length > 0 && `${free.length} free`, unopened > 0 && `${unopened} not open`]
  return (
    <button
      type="button"
      className="quiet-slots"
      aria-expanded={isOpened}
      title={`Slots on which nothing has happened for ten seconds${free.map(({ id, backendPid }) => `\n${id} pid ${backendPid ?? '?'}`).join('')}`}
      onClick={onToggle}
    >
      {words.filter(Boolean).join(' · ')} <i aria-hidden="true">{isOpened ? '▴' : '▾'}</i>
    </button>
  )
}
