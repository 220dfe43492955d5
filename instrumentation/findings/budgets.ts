/** How many statements a request may send, by its route: `GET /orders/:id`, `GET /reports/*`, `*`. The first that fits. */
export type Budgets = Readonly<Record<string, number>>

export interface Budget {
  readonly route: string
  readonly most: number
}

/** The budget of a request by its label, `GET /orders/17` or the name of a job. */
export function budgetFor(budgets: Budgets, label: string): Budget | undefined {
  for (const route in budgets) if (fits(route, label)) return { route, most: budgets[route]! }
  return undefined
}

function fits(route: string, label: string): boolean {
  if (route === '*' || route === label) return true
  const parts = route.split('/')
  const given = label.split('/')
  const isOpen = parts.at(-1) === '*'
  if (isOpen ? given.length < parts.length : given.length !== parts.length) return false
  return parts.every(
    (part, i) => (part === '*' && i === parts.length - 1) || part === given[i] || part.startsWith(':'),
  )
}
