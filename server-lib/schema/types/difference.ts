/** More lines than these say no more. */
const LINES_TOLD = 20

/** How two files of types differ: `+ Orders: price: string`, each line with the declaration that it is in. */
export function difference(before: string, after: string): string[] {
  const old = linesOf(before)
  const fresh = linesOf(after)
  const lines = [
    ...without(old, fresh).map(line => `- ${line}`),
    ...without(fresh, old).map(line => `+ ${line}`),
  ]
  if (lines.length === 0) return before === after ? [] : ['the order of lines']
  return lines.length > LINES_TOLD
    ? [...lines.slice(0, LINES_TOLD), `and ${lines.length - LINES_TOLD} more`]
    : lines
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others)
  return lines.filter(line => !known.has(line))
}

function linesOf(text: string): string[] {
  let declaration = ''
  return text.split('\n').flatMap(line => {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed === '}') return []
    const [, name] = /^(?:export )?interface (\S+)/.exec(line) ?? []
    if (name !== undefined) declaration = name
    return [name === undefined && line.startsWith(' ') ? `${declaration}: ${trimmed}` : trimmed]
  })
}
