/** What a line of output is about, for a terminal with colours. */
export type Tone = 'bad' | 'warn' | 'good' | 'dim' | 'plain'

/** A piece of output, still without a width. */
export type Block =
  | { readonly type: 'text'; readonly text: string; readonly tone: Tone; readonly indent: number }
  | { readonly type: 'table'; readonly head: readonly string[]; readonly rows: readonly TableRow[] }

export interface TableRow {
  readonly cells: readonly string[]
  readonly tone?: Tone
  /** On lines of their own under the row: a line of code, the text of a statement. */
  readonly below?: readonly string[]
}

export const text = (words: string, tone: Tone = 'plain', indent = 0): Block => ({
  type: 'text',
  text: words,
  tone,
  indent,
})
export const table = (head: readonly string[], rows: readonly TableRow[]): Block => ({
  type: 'table',
  head,
  rows,
})
export const gap: Block = text('')

export interface Screen {
  readonly width: number
  readonly hasColors: boolean
}

const NARROWEST = 40
const UNKNOWN_WIDTH = 80

/** How wide a stream is, and whether it shows colours: none in a file, and none with `NO_COLOR`. */
export function screenOf(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>): Screen {
  const { NO_COLOR, TERM } = process.env
  return {
    width: Math.max(NARROWEST, (stream.isTTY && stream.columns) || UNKNOWN_WIDTH),
    hasColors: stream.isTTY && !NO_COLOR && TERM !== 'dumb',
  }
}

/** The text for a terminal. All that can be foreign is made visible here, and nowhere else. */
export const drawn = (blocks: readonly Block[], screen: Screen): string =>
  blocks
    .flatMap(block => (block.type === 'text' ? drawnText(block, screen) : drawnTable(block, screen)))
    .join('\n')

const COLORS: Record<Tone, number | null> = { bad: 31, warn: 33, good: 32, dim: 2, plain: null }

function colored(line: string, tone: Tone, { hasColors }: Screen): string {
  const color = COLORS[tone]
  return hasColors && color !== null && line !== '' ? `\u001B[${color}m${line}\u001B[0m` : line
}

function drawnText({ text, tone, indent }: Extract<Block, { type: 'text' }>, screen: Screen): string[] {
  const lines = wrapped(visible(text), screen.width - indent)
  return lines.map(line => colored(`${' '.repeat(indent)}${line}`.trimEnd(), tone, screen))
}

const BETWEEN = 2

function drawnTable({ head, rows }: Extract<Block, { type: 'table' }>, screen: Screen): string[] {
  const all = [head, ...rows.map(({ cells }) => cells)].map(cells => cells.map(visible))
  const widths = fitted(
    head.map((_, column) => Math.max(...all.map(cells => lengthOf(cells[column] ?? '')))),
    screen.width,
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => shortened(cell, widths[column] ?? 0))
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - lengthOf(cell))))
      .join(' '.repeat(BETWEEN))
      .trimEnd()
  const [first = [], ...others] = all
  const indent = 2
  return [
    colored(line(first), 'dim', screen),
    ...others.flatMap((cells, at) => {
      const { tone = 'plain', below = [] } = rows[at]!
      const under = below.flatMap(words => wrapped(visible(words), screen.width - indent))
      return [
        colored(line(cells), tone, screen),
        ...under.map(words => colored(' '.repeat(indent) + words, 'dim', screen)),
      ]
    }),
  ]
}

/** Narrows the widest column until the line fits. */
function fitted(widths: readonly number[], width: number): number[] {
  const fit = [...widths]
  let over = fit.reduce((sum, one) => sum + one, BETWEEN * (fit.length - 1)) - width
  while (over > 0) {
    const widest = fit.indexOf(Math.max(...fit))
    const next = Math.max(1, ...fit.filter((_, at) => at !== widest))
    const cut = Math.max(1, Math.min(over, fit[widest]! - next))
    if (fit[widest]! <= 1) break
    fit[widest]! -= cut
    over -= cut
  }
  return fit
}

const lengthOf = (text: string) => Array.from(text).length

function shortened(text: string, width: number): string {
  const characters = Array.from(text)
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`
}

/** Words on lines of this width. A word that is longer stays in one piece, so that a path can be clicked and copied. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  let length = 0
  for (const word of text.split(' ')) {
    const more = lengthOf(word)
    if (line !== '' && length + 1 + more > width) {
      lines.push(line)
      line = word
      length = more
    } else {
      length = line === '' ? more : length + 1 + more
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

/**
 * What a terminal would obey, or reorder, as characters that can be read: control characters, and those that turn the
 * direction of writing or cannot be seen.
 */
const UNSEEN =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u001F\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]/g

const NAMED: Readonly<Record<string, string>> = { '\n': '↵', '\t': '→' }

export const visible = (text: string): string => text.replace(UNSEEN, found => NAMED[found] ?? escaped(found))

/** What a clock tells beyond that is noise. */
const inMicroseconds = (_key: string, value: unknown) =>
  typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** JSON, with the same characters escaped: it may be shown on a terminal as well. */
export const json = (value: unknown, indent?: number): string =>
  JSON.stringify(value, inMicroseconds, indent).replace(UNSEEN, found =>
    found === '\n' ? found : escaped(found),
  )
