import type { Streams } from '../dialect/stream.ts'
import { bindToContext } from './bind-submittable.ts'
import { isSubmittable } from './driver.ts'
import { openStream } from './query-stream.ts'
import { closeWhenOver, isOwedAnAnswer, onSubmittableEnd, tellErrors } from './submittable.ts'

/** Of pg the streams are statements that drive the protocol themselves. */
export const streams = {
  is: isSubmittable,
  open: openStream,
  onEnd: onSubmittableEnd,
  tellErrors,
  closeWhenOver,
  bind: bindToContext,
  isOwedAnAnswer,
} as Streams
