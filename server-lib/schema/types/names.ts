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
  // Nobody's but those of a type map: `Record<string, number>`.
  'Map',
  'Omit',
  'Partial',
  'Pick',
  'Readonly',
  'ReadonlyArray',
  'Record',
  'Set',
]

/** Gives out names of declarations, each once. The same questions in the same order have the same answers. */
export class DeclarationNames {
  readonly #used: Set<string>

  constructor(...used: string[]) {
    this.#used = new Set([...TAKEN, ...used])
  }

  /** Of `order_items` it is `OrderItems`, whose companions end in these; where one is taken, `OrderItems2`. */
  take(name: string, companions: readonly string[] = []): string {
    const wanted = pascalCase(name)
    let given = wanted
    const all = () => ['', ...companions].map(companion => given + companion)
    for (let number = 2; all().some(one => this.#used.has(one)); number++) given = `${wanted}${number}`
    for (const one of all()) this.#used.add(one)
    return given
  }
}

export function pascalCase(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(word => word !== '')
  const joined = words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return /^\p{L}/u.test(joined) ? joined : `Table${joined}`
}

/** A property's name, in quotes where it needs them. */
export const property = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name))

/** A text as TypeScript writes it. */
export const literal = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

/** A comment over a declaration or a property; empty where there is none. */
export function comment(text: string | null, indent: string): string {
  if (text === null) return ''
  const lines = text.replaceAll('*/', '*\\/').split(/\r\n|[\n\r\u2028\u2029]/)
  const [only] = lines
  if (lines.length === 1) return `${indent}/** ${only} */\n`
  return `${indent}/**\n${lines.map(line => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`
}
