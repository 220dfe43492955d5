import { knownDialects } from '../dialect/known-dialects.ts'

/** The tables of `engines.install()` get no types, and no model has them. */
export const isOwnTable = ({ schema, name }: { schema: string; name: string }): boolean =>
  knownDialects().some(({ twoPhase }) => {
    const own = `${schema}.${name}`
    return twoPhase !== undefined && (own === twoPhase.decisionTable || own === twoPhase.locationTable)
  })
