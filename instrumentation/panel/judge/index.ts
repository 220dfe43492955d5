export { Judge, type Knowing } from './judge.ts'
export { KeptState } from './kept-state.ts'
export { addRule, foundByOwnRules, type OwnFinding, type OwnRule } from './own-rules.ts'
