import { count } from '../../instrumentation/model/format.ts'
import { NO_CONTEXT } from '../../instrumentation/model/state.ts'
import { useMoment } from '../model/use-panel.ts'
import { write } from '../route.ts'

/** At the foot of the list, if there is any: work outside of any request. */
export function NoRequestLink({ isOpened, query }: { isOpened: boolean; query: string }) {
  const { state } = useMoment()
  const work = state.requests.get(NO_CONTEXT)
  if (!work) return null
  const held = work.checkouts.filter(c => c.state === 'held').length
  return (
    <a
      className="no-request"
      href={write('requests', [NO_CONTEXT], query)}
      aria-current={isOpened || undefined}
      data-request={NO_CONTEXT}
      title="Work that ran outside of any request"
    >
      <b>Outside of any request</b> {count(work.statements.length, 'statement')}
      {held > 0 && <em> · {count(held, 'connection')} held</em>}
    </a>
  )
}
