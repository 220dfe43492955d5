export function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return sorted(a).join('\0') === sorted(b).join('\0')
}

export function sorted(names: readonly string[] = []): string[] {
  return [...names].sort()
}

export function list(columns: readonly string[] | undefined): string | null {
  return columns === undefined ? null : `(${columns.join(', ')})`
}
