import { count } from '../../model/format.ts'
import { isWork } from '../repetition/counts.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'
import { budgetFor } from '../budgets.ts'
import { statementSums } from '../../model/statement-sums.ts'

/** A request sent more statements than the budget of its route allows. */
export const statementBudget: RequestRule = function* (request, { budgets }) {
  if (request.kind === 'no context') return
  const budget = budgetFor(budgets, request.label)
  if (!budget) return
  let sent = 0
  for (const { text, total } of statementSums(request)) if (text === null || isWork(text)) sent += total
  if (sent <= budget.most) return
  const atLeast = request.endedAt === null ? 'at least ' : ''
  yield finding('statement budget', request.id, {
    severity: 'warn',
    since: request.startedAt,
    about: { request: request.id },
    sentence: `${nameOf(request, request.id)} sent ${atLeast}${count(sent, 'statement')}; the budget of ${budget.route} is ${budget.most.toLocaleString('en')}.`,
  })
}
