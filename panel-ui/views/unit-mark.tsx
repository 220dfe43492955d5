import './unit-mark.css'
import { unitColor } from '../model/unit-color.ts'

/** The small square in a request's own colour. */
export function UnitMark({ request }: { request: string }) {
  return <i className="unit-mark" data-unit={unitColor(request)} />
}
