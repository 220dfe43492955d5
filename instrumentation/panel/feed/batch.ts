import { forEachText, type Row, type TextId } from '../../model/codec.ts'
import type { Dictionary as DictionaryMessage, ServerMessage } from '../../model/protocol.ts'

/** Rows as text, with those of their texts that this page has not yet been sent. */
export interface Batch {
  rows: string[]
  characters: number
  entries: DictionaryMessage['entries']
}

export function emptyBatch(): Batch {
  return { rows: [], characters: 0, entries: [] }
}

/** Adds one row, and adds its texts to `sent`. */
export function addToBatch(
  batch: Batch,
  row: Row,
  textOf: (id: TextId) => string | undefined,
  sent: Set<TextId>,
): void {
  forEachText(row, id => {
    if (sent.has(id)) return
    sent.add(id)
    const text = textOf(id) ?? '(no longer known)'
    batch.entries.push([id, text])
    batch.characters += text.length + 16
  })
  const text = JSON.stringify(row)
  batch.rows.push(text)
  batch.characters += text.length + 1
}

export function encode(message: ServerMessage): string {
  return JSON.stringify(message)
}

export function encodeEvents(batch: Batch): string {
  return `{"type":"ev","rows":[${batch.rows.join(',')}]}`
}

export function encodeSnapshot(seq: number, batch: Batch): string {
  return `{"type":"snap","seq":${seq},"rows":[${batch.rows.join(',')}]}`
}
