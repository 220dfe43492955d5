import { replaceToken } from '../../instrumentation/panel/project/index.ts'
import { json } from './screen.ts'

/** Replaces the token of this project, and says what that means for whoever runs. */
export function replaced(isJson: boolean): string {
  const { port, folder } = replaceToken()
  if (isJson) return `${json({ port, folder })}\n`
  return `The panels of this project have a new token, in ${folder}. A process that runs keeps the old one until it ends.\n`
}
