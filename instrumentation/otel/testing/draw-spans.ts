/** The parts of a span that a drawing needs, available from an in-memory exporter and from a decoded OTLP request. */
export interface DrawnSpan {
  readonly id: string
  readonly parent: string | undefined
  readonly name: string
  readonly kind: string
  /** Nanoseconds since the epoch. */
  readonly start: bigint
  readonly end: bigint
  /** The status's message, `ERROR` if it has none, and undefined if all is well. */
  readonly error: string | undefined
  readonly attributes: Readonly<Record<string, unknown>>
}

/** The spans as an indented tree, siblings in the order of their start, each with the attributes asked for. */
export function drawSpans(spans: readonly DrawnSpan[], attributes: readonly string[] = []): string {
  const ids = new Set(spans.map(span => span.id))
  const childrenOf = (parent: string | undefined) =>
    spans
      .filter(
        span => (span.parent !== undefined && ids.has(span.parent) ? span.parent : undefined) === parent,
      )
      .sort((a, b) => Number(a.start - b.start) || Number(b.end - a.end))
  const lines: string[] = []
  const draw = (parent: string | undefined, depth: number) => {
    for (const span of childrenOf(parent)) {
      const shown = attributes
        .filter(name => span.attributes[name] !== undefined)
        .map(name => `${name.split('.').at(-1)}=${String(span.attributes[name])}`)
      const parts = [span.kind, span.name, ...shown, ...(span.error === undefined ? [] : [`! ${span.error}`])]
      lines.push('  '.repeat(depth) + parts.join(' '))
      draw(span.id, depth + 1)
    }
  }
  draw(undefined, 0)
  return lines.join('\n')
}
