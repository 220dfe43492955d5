import { connect } from 'node:net'
import type * as Ws from 'ws'
import {
  CLOSE,
  SUBPROTOCOL,
  type ClientMessage,
  type ServerMessage,
} from '../../instrumentation/model/protocol.ts'
import { loadPeer } from '../../server-lib/identity/peers.ts'
import type { PanelAddress } from './address.ts'
import { NoPanelError } from './no-panel.ts'

/** The process may stand still for a moment; longer than this, it does not answer. */
const HELLO_MS = 5_000
const LONGEST_ANSWER = 300

/** An open socket to a panel. */
export interface Link {
  /** Rejects when the process ends the socket, with the reason. */
  readonly closed: Promise<never>
  close(): void
}

/** Opens the panel's socket as its page does. `receive` gets each message, the first of them `hello`. */
export async function openLink(
  address: PanelAddress,
  wantsTruth: boolean,
  receive: (message: ServerMessage) => void,
): Promise<Link> {
  const { WebSocket } = loadPeer('ws') as typeof Ws
  const { shown, socket: url, origin, token, door } = address
  const socket = new WebSocket(url, SUBPROTOCOL, {
    ...(origin !== null && { origin }),
    ...(door !== null && { createConnection: () => connect(door) }),
    perMessageDeflate: false,
    handshakeTimeout: HELLO_MS,
  })
  const send = (message: ClientMessage) => socket.send(JSON.stringify(message))
  let farewell: string | null = null
  const closed = new Promise<never>((_resolve, reject) => {
    const refuse = (sentence: string) => reject(new NoPanelError(sentence))
    socket.on('error', (error: Error & { code?: string }) => refuse(whyNot(shown, error)))
    socket.on('unexpected-response', (_request, response) => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => (text = `${text}${chunk}`.slice(0, LONGEST_ANSWER)))
      response.on('close', () => refuse(`The answer of ${shown} was ${response.statusCode}: ${text.trim()}`))
    })
    socket.on('close', (code, reason) => refuse(whyClosed(shown, code, farewell ?? String(reason))))
  })
  closed.catch(() => {})
  const hello = new Promise<void>(resolve => {
    socket.on('message', data => {
      const message = parsed((data as Buffer).toString())
      if (message === null) return
      if (message.type === 'bye') farewell = message.reason
      receive(message)
      if (message.type !== 'hello') return
      send({ type: 'sub', since: null })
      if (wantsTruth) send({ type: 'watch', truth: true })
      resolve()
    })
  })
  socket.on('open', () => send({ type: 'auth', token }))
  await inTime(Promise.race([hello, closed]), HELLO_MS, () => {
    socket.terminate()
    return `There was no answer from ${shown} in ${HELLO_MS / 1_000} s: its process may stand still.`
  })
  return { closed, close: () => socket.terminate() }
}

/** Rejects with a NoPanelError where something takes too long. */
export async function inTime<T>(work: Promise<T>, ms: number, sentence: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new NoPanelError(sentence())), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

function whyNot(shown: string, { code, message }: Error & { code?: string }): string {
  if (code === 'ECONNREFUSED') return `Nothing listens where ${shown} should be.`
  return `There is no way to ${shown}: ${message.slice(0, LONGEST_ANSWER)}.`
}

function whyClosed(shown: string, code: number, reason: string): string {
  if (code === CLOSE.unauthorized)
    return `The token is not that of ${shown}: take the URL that it printed last.`
  return `The connection to ${shown} was closed${reason ? `: ${reason}` : ''}.`
}

function parsed(text: string): ServerMessage | null {
  try {
    const message: unknown = JSON.parse(text)
    return typeof message === 'object' && message !== null && 'type' in message
      ? (message as ServerMessage)
      : null
  } catch {
    return null
  }
}
