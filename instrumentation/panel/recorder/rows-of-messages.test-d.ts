import type { ChannelMessages } from '../../../server-lib/channels/index.ts'
import type { RowsOfMessages } from './rows-of-messages.ts'

type Made = Parameters<RowsOfMessages['enginelight:transaction']['end']>[0]
type Said = Extract<ChannelMessages['enginelight:transaction'], { phase: 'end' }>

declare const said: Said
said satisfies Made
// @ts-expect-error: a column that the message has no property for
;({ id: 't1', outcome: 'committed', statements: 1 }) satisfies Made
// @ts-expect-error: a word that the column does not know
;({ ...said, outcome: 'planted' }) satisfies Made
