import { ruleOf } from '../repetition/rule-of.ts'

/** One line sends one statement again and again, with values that cannot be compared. */
export const similarStatements = ruleOf('similar statements', 'unknown values')
