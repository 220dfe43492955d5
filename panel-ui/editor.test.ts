import { expect, test } from 'vitest'
import { editorLink } from './editor.ts'

test('a line opens where the reader has the folder', () => {
  const mine = { editor: 'VS Code', from: '/app', to: '/home/me/my shop/' } as const
  expect(editorLink('src/orders.ts:41', mine)).toBe('vscode://file/home/me/my%20shop/src/orders.ts:41')
  expect(editorLink('/app/src/a.ts:4', mine)).toBe('vscode://file/home/me/my%20shop/src/a.ts:4')
  expect(editorLink('/other/a.ts:4', mine)).toBe('vscode://file/other/a.ts:4')
  expect(editorLink('src/a.ts:4', { ...mine, editor: 'IDEA', to: 'C:/shop' })).toBe(
    'idea://open?file=C%3A%2Fshop%2Fsrc%2Fa.ts&line=4',
  )
  expect(editorLink('src/a.ts:4', { ...mine, to: 'C:/shop' })).toBe('vscode://file/C:/shop/src/a.ts:4')
})

test('without an editor, a folder or a number there is no link, and no text makes another one', () => {
  const mine = { editor: 'VS Code', from: '', to: '' } as const
  expect(editorLink('src/a.ts:4', mine)).toBeNull()
  expect(editorLink('somewhere', { ...mine, to: '/x' })).toBeNull()
  expect(editorLink('a.ts:1', { ...mine, editor: 'none', to: '/x' })).toBeNull()
  expect(editorLink('javascript:alert(1)//?a#b:3', { ...mine, to: '/x' })).toBe(
    'vscode://file/x/javascript%3Aalert(1)//%3Fa%23b:3',
  )
})
