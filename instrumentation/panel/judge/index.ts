export { Judge } from './judge.ts'
export { addRule, type OwnFinding, type OwnRule } from './own-rules.ts'
