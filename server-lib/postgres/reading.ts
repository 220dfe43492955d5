import type { Reading } from '../dialect/texts.ts'
import { changesOfKept } from './kept-texts.ts'
import { firstControl, ownersControl, readControl } from './read-control.ts'
import { statementText } from './statement-text.ts'
import { undoesReadOnly } from './undo-read-only.ts'

export const reading: Reading = {
  control: readControl,
  firstControl,
  ownersControl,
  undoesReadOnly,
  shown: statementText,
  changesOfKept,
}
