/** The arguments of `response.writeHead(status, [message], [headers])`, read as Node reads them. */

const headersAt = (args: readonly unknown[]) => (typeof args[1] === 'string' ? 2 : 1)

/** A header among them, by its lower-case name. The last one counts. */
export function headerOf(args: readonly unknown[], name: string): unknown {
  const headers = args[headersAt(args)]
  if (Array.isArray(headers)) {
    const pairs = pairsOf(headers)
    return pairs.findLast(([key]) => String(key).toLowerCase() === name)?.[1]
  }
  if (typeof headers !== 'object' || headers === null) return undefined
  const key = Object.keys(headers).findLast(one => one.toLowerCase() === name)
  return key === undefined ? undefined : (headers as Record<string, unknown>)[key]
}

/** The same arguments without that header. */
export function withoutHeader(args: unknown[], name: string): unknown[] {
  if (headerOf(args, name) === undefined) return args
  const at = headersAt(args)
  const headers = args[at]
  const isOther = ([key]: readonly unknown[]) => String(key).toLowerCase() !== name
  const rest = Array.isArray(headers)
    ? keepShape(headers, pairsOf(headers).filter(isOther))
    : Object.fromEntries(Object.entries(headers as object).filter(isOther))
  return [...args.slice(0, at), rest]
}

/** Node takes a flat array of names and values, or an array of pairs. */
function pairsOf(headers: readonly unknown[]): (readonly unknown[])[] {
  if (Array.isArray(headers[0])) return headers as (readonly unknown[])[]
  const pairs: (readonly unknown[])[] = []
  for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at], headers[at + 1]])
  return pairs
}

function keepShape(headers: readonly unknown[], pairs: readonly (readonly unknown[])[]): unknown[] {
  return Array.isArray(headers[0]) ? [...pairs] : pairs.flat()
}
