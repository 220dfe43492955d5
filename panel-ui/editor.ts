import { useSyncExternalStore } from 'react'

/** Which editor opens a line of code, and where its folder is on the reader's machine. */
export interface EditorChoice {
  readonly editor: Editor | 'none'
  /** The process's folder, where a line names it: `/app`. Empty: lines are as they are shown. */
  readonly from: string
  /** The same folder on the reader's machine: `/home/me/shop`. */
  readonly to: string
}

const LINKS = {
  'VS Code': (file: string, line: string) => `vscode://file${path(file)}:${line}`,
  Cursor: (file: string, line: string) => `cursor://file${path(file)}:${line}`,
  Zed: (file: string, line: string) => `zed://file${path(file)}:${line}`,
  WebStorm: (file: string, line: string) => `webstorm://open?file=${encodeURIComponent(file)}&line=${line}`,
  IDEA: (file: string, line: string) => `idea://open?file=${encodeURIComponent(file)}&line=${line}`,
} as const

export type Editor = keyof typeof LINKS
export const EDITORS = Object.keys(LINKS) as readonly Editor[]

/** A file's path in an address; one of Windows, `C:/shop`, gets the slash in front. */
const path = (file: string): string =>
  `/${file.replaceAll('\\', '/').replace(/^\//, '').split('/').map(encodeURIComponent).join('/')}`.replace(
    /^\/([A-Za-z])%3A\//,
    '/$1:/',
  )

/** The link that opens a line in the editor; null where none is chosen, or the line cannot be found with it. */
export function editorLink(site: string, { editor, from, to }: EditorChoice): string | null {
  if (editor === 'none') return null
  const [, file, line] = /^(.+?):(\d+)(?::\d+)?$/.exec(site) ?? []
  if (file === undefined || line === undefined) return null
  const whole = mapped(file, withoutSlash(from.trim()), withoutSlash(to.trim()))
  return whole === null ? null : LINKS[editor](whole, line)
}

function mapped(file: string, from: string, to: string): string | null {
  const isAbsolute = /^(\/|[A-Za-z]:[\\/])/.test(file)
  if (from !== '' && file.startsWith(`${from}/`)) return `${to}${file.slice(from.length)}`
  if (isAbsolute) return file
  return to === '' ? null : `${to}/${file}`
}

const withoutSlash = (folder: string): string => (folder.endsWith('/') ? folder.slice(0, -1) : folder)

const KEY = 'enginelight editor'
const NONE: EditorChoice = { editor: 'none', from: '', to: '' }
const listeners = new Set<() => void>()
let choice = stored()

export function useEditor(): EditorChoice {
  return useSyncExternalStore(subscribe, () => choice)
}

/** Kept in the browser: the process never learns of it. */
export function chooseEditor(change: Partial<EditorChoice>): void {
  choice = { ...choice, ...change }
  try {
    localStorage.setItem(KEY, JSON.stringify(choice))
  } catch {
    // Storage is switched off: the choice lasts as long as this page.
  }
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function stored(): EditorChoice {
  try {
    const { editor, from, to } = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<EditorChoice>
    return {
      editor: EDITORS.find(each => each === editor) ?? 'none',
      from: typeof from === 'string' ? from : '',
      to: typeof to === 'string' ? to : '',
    }
  } catch {
    return NONE
  }
}
