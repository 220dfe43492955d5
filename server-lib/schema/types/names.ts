/** Names that a declaration must not take: the file uses them, or TypeScript gives them another meaning. */
const TAKEN = [
  'Array',
  'Buffer',
  'Date',
  'Interval',
  'Knex',
  'Object',
  'String',
  'Number',
  'Boolean',
  'Uint8Array',
  // Not used by the file itself, but by type maps: `Record<string, number>`.
  'Map',
  'Omit',
  'Partial',
  'Pick',
  'Readonly',
  'ReadonlyArray',
  'Record',
  'Set',
]

/** Gives out names of declarations, each once. The same calls in the same order give the same names. */
export class DeclarationNames {
  readonly #used: Set<string>

  constructor(...used: string[]) {
    this.#used = new Set([...TAKEN, ...used])
  }

  /** `order_items` gives `OrderItems`, whose companions end in these; if one is taken, `OrderItems2`. */
  take(name: string, companions: readonly string[] = []): string {
    const wanted = pascalCase(name)
    let given = wanted
    const all = () => ['', ...companions].map(companion => given + companion)
    for (let number = 2; all().some(one => this.#used.has(one)); number++) given = `${wanted}${number}`
    for (const one of all()) this.#used.add(one)
    return given
  }
}

/** An identifier: characters that cannot be in one separate words. `verbrauch_m³` is `VerbrauchM3`. */
export function pascalCase(name: string): string {
  const digits = name.replace(/\p{No}/gu, number => number.normalize('NFKC'))
  const words = digits.split(/[^\p{ID_Continue}]+|_+/u).filter(word => word !== '')
  const joined = words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return /^\p{ID_Start}/u.test(joined) ? joined : `Table${joined}`
}

/** Words that TypeScript does not allow as the name of an interface. */
const RESERVED = new Set(
  `any await bigint boolean break case catch class const continue debugger default delete do else enum export extends false
  finally for function if implements import in instanceof interface let never new null number object package private
  protected public return static string super switch symbol this throw true try type typeof undefined unknown var void
  while with yield`.split(/\s+/),
)

/** Whether a declaration in a file can have this name. */
export const isFreeName = (name: string): boolean =>
  /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name) && !RESERVED.has(name) && !TAKEN.includes(name)

/** A property's name, quoted if needed. */
export const property = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name))

/** A string literal in TypeScript. */
export const literal = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

/**
 * A comment above a declaration or a property; empty if there is none. TypeScript obeys a directive
 * (`@ts-expect-error`) in any comment.
 */
export function comment(text: string | null, indent: string): string {
  if (text === null) return ''
  const harmless = text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replaceAll('*/', '*\\/')
    .replaceAll('@ts-', '@ ts-')
  const lines = harmless.split(/\r\n|[\n\r\u2028\u2029]/)
  const [only] = lines
  if (lines.length === 1) return `${indent}/** ${only} */\n`
  return `${indent}/**\n${lines.map(line => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`
}
