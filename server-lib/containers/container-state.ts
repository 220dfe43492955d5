/**
 * The states of a container, as far as commits go. Each row is a state, each entry a move and the state it leads to.
 *
 * `asking` runs the hooks of `beforeCommit`, which may still use the database. In `committing` no transaction may
 * begin. `doomed` can only be rolled back. In `failed` a commit has failed and everything is rolled back. The
 * application must acknowledge that with a rollback before anything new begins: the next commit would otherwise commit
 * half of a unit of work.
 */
const MOVES = {
  open: { ask: 'asking', doom: 'doomed', rollback: 'open', end: 'ended' },
  asking: { commit: 'committing', doom: 'doomed', fail: 'failed', end: 'ended' },
  committing: { done: 'open', fail: 'failed', end: 'ended' },
  doomed: { doom: 'doomed', rollback: 'open', end: 'ended' },
  failed: { rollback: 'open', end: 'ended' },
  ended: { end: 'ended', done: 'ended', fail: 'ended', rollback: 'ended' },
} as const satisfies Record<string, Partial<Record<string, string>>>

export type ContainerState = keyof typeof MOVES
export type ContainerMove = { [S in ContainerState]: keyof (typeof MOVES)[S] }[ContainerState]

/** The state that a move leads to, or undefined where the move is illegal. */
export function afterMove(state: ContainerState, move: ContainerMove): ContainerState | undefined {
  return (MOVES[state] as Partial<Record<ContainerMove, ContainerState>>)[move]
}
