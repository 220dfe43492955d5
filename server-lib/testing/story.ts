import { observe, type ChannelMessages, type ChannelName } from '../channels/channels.ts'

const NAMES = [
  'process',
  'engine',
  'pool',
  'request',
  'session',
  'checkout',
  'transaction',
  'commit',
  'statement',
] as const

type Message = { [N in ChannelName]: { channel: N } & ChannelMessages[N] }[ChannelName]

/** Everything that was published while it listens, in order. Call `stop` in a `finally` or `afterEach`. */
export function listen(...only: (typeof NAMES)[number][]): {
  messages: Message[]
  stop(): void
  told(): string[]
} {
  const messages: Message[] = []
  const stops = (only.length > 0 ? only : NAMES).map(name =>
    observe(
      `enginelight:${name}`,
      message => void messages.push({ channel: `enginelight:${name}`, ...message } as Message),
      { sites: true },
    ),
  )
  return {
    messages,
    stop: () => stops.forEach(stop => stop()),
    /** The story as short lines: `statement start select 1`. */
    told: () => messages.map(line),
  }
}

function commitLine(message: Extract<Message, { channel: 'enginelight:commit' }>): string {
  switch (message.phase) {
    case 'start':
      return `commit ${message.mode}`
    case 'end':
      return `commit ${message.outcome}`
    case 'step started':
      return `step ${message.step} ${message.engine}`
    case 'step ended':
      return `step ${message.step} ${message.engine}: ${message.error?.code ?? message.command}`
    case 'in doubt':
    case 'recovered':
      return `commit ${message.phase} ${message.engine}`
    default:
      return message satisfies never
  }
}

function line(message: Message): string {
  const word = message.channel.slice('enginelight:'.length)
  switch (message.channel) {
    case 'enginelight:statement':
      return message.phase === 'start'
        ? `statement ${message.text}`
        : `answer ${message.error?.code ?? message.command}`
    case 'enginelight:session':
      return `session ${message.engine} ${message.phase === 'state' ? message.state : message.phase === 'ending' ? `ending: ${message.why}` : message.phase}`
    case 'enginelight:transaction':
      return `transaction ${message.phase === 'end' ? message.outcome : message.phase === 'savepoint' ? `savepoint ${message.action}` : message.phase}`
    case 'enginelight:checkout':
      return `checkout ${message.engine} ${message.phase}${message.phase === 'released' && message.discarded ? ` (${message.discarded})` : ''}`
    case 'enginelight:request':
      return `request ${message.phase === 'start' ? message.label : message.outcome}`
    case 'enginelight:commit':
      return commitLine(message)
    case 'enginelight:process':
      return `process ${message.phase}`
    default:
      return `${word} ${message.engine} ${message.phase}`
  }
}
