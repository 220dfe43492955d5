/** By code units: the same on every machine, independent of its locale and of the database's collation. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  byText(a.name, b.name)

export const bySchemaAndName = (
  a: { readonly schema: string; readonly name: string },
  b: { readonly schema: string; readonly name: string },
): number => byText(a.schema, b.schema) || byText(a.name, b.name)
