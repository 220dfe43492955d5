import './sql-text.css'
import { memo } from 'react'
import { elidedSqlTokens, sqlTokens } from '../../instrumentation/model/sql-tokens.ts'

/** A statement's text with its words coloured: on one line with lists elided, or whole. */
export const SqlText = memo(function SqlText({ text, isWhole = false }: { text: string; isWhole?: boolean }) {
  const tokens = isWhole ? sqlTokens(text) : elidedSqlTokens(text)
  return (
    <code className={isWhole ? 'sql whole' : 'sql'}>
      {tokens.map((token, i) => (
        <span key={i} className={token.type === 'plain' || token.type === 'name' ? undefined : token.type}>
          {token.text}
        </span>
      ))}
    </code>
  )
})
