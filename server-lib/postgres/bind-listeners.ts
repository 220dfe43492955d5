import { bindingCallbacks } from '../watch/caller-context.ts'
import { ListenerContexts, type Emitter } from '../watch/listener-contexts.ts'
import { shadow } from '../watch/shadow.ts'
import type { PgClient } from './driver.ts'
import { outsideOfItsOpener } from './foreign-socket.ts'

/** Puts the listeners of a client in the context of their registration. The returned function takes it off again. */
export function bindListeners(client: PgClient, isOurs: () => boolean, isOwn: boolean): () => void {
  const unshield = isOwn ? () => {} : outsideOfItsOpener(client)
  const listeners = new ListenerContexts(client as unknown as Emitter, isOurs)
  let watching = true
  const unbindEnd = shadow(
    client,
    'end',
    bindingCallbacks(() => watching),
  )
  return () => {
    watching = false
    unbindEnd()
    listeners.leave()
    unshield()
  }
}
