import { ruleOf } from '../repetition/rule-of.ts'

/** One line asks again and again what it has been told already. */
export const duplicateStatements = ruleOf('duplicate statements', 'same values')
