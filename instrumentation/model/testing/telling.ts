import type { Column } from '../column.ts'
import { encoder, type Row, type TextId } from '../codec.ts'
import type { Fact, Kind, Time } from '../rows.ts'

/** Makes rows of facts, with the dictionary of their texts. */
export class Telling {
  readonly rows: Row[] = []
  readonly dictionary: [id: TextId, text: string][] = []
  readonly #ids = new Map<string, TextId>()

  tell<K extends Kind>(at: Time, kind: K, fact: Fact<K>): Row {
    const row = encoder<Fact<K>>(kind, column => this.#cell(column))(fact, at)
    row[0] = this.rows.push(row)
    return row
  }

  readonly texts = (id: TextId): string => this.dictionary[id - 1]?.[1] ?? '…'

  #cell(column: Column): (value: unknown) => unknown {
    switch (column.type) {
      case 'text':
      case 'site':
        return value => (value === null ? null : this.#text(value as string))
      case 'bit':
        return Number
      case 'tuple':
        return value => Object.keys(column.columns).map(name => (value as Record<string, unknown>)[name])
      case 'list':
        return value => (value as unknown[]).map(this.#cell(column.of))
      default:
        return value => value
    }
  }

  #text(text: string): TextId {
    let id = this.#ids.get(text)
    if (id === undefined) {
      id = this.dictionary.length + 1
      this.#ids.set(text, id)
      this.dictionary.push([id, text])
    }
    return id
  }
}
