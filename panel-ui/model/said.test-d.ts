import type { CommitStep } from '../../server-lib/channels/words.ts'
import { TEXTS } from './said.ts'

TEXTS satisfies Record<CommitStep, string>
// @ts-expect-error: a step that a message may say has no text
TEXTS satisfies Record<CommitStep | 'planted', string>
