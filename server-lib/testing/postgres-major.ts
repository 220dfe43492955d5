import { inject } from 'vitest'

/** Of the server that this run's tests are on: 18 for PostgreSQL 18.4. */
export const postgresMajor: number = inject('postgresMajor')

/** What PostgreSQL has from a major on, and what stands in its place on an older one. */
export function since<const New, const Old>(major: number, newer: New, older: Old): New | Old {
  return postgresMajor >= major ? newer : older
}
