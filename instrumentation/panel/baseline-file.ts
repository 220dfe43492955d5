import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { EnginelightError } from '../../server-lib/index.ts'
import { Baseline, parseBaseline } from '../findings/baseline.ts'
import type { Finding } from '../model/finding.ts'

/**
 * The known findings of a file that is checked in. A file that is not there has none. Throws `EL_PANEL_CONFIG` for one
 * that is no baseline: nothing would be told as it should.
 */
export function readBaseline(path: string): Baseline {
  const text = textOf(path)
  if (text === undefined) return new Baseline()
  const read = parseBaseline(text)
  if (typeof read === 'string') throw unreadable(path, read)
  return read
}

/** Adds findings to the file, and keeps all that is in it. Returns what it then has. */
export function addToBaseline(path: string, findings: Iterable<Finding>): Baseline {
  const merged = readBaseline(path).with(findings)
  // Another process may read it meanwhile: it must find the one or the other.
  const part = `${path}.${process.pid}.part`
  writeFileSync(part, merged.toString())
  renameSync(part, path)
  return merged
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw unreadable(path, `it cannot be read (${code ?? 'unknown error'})`)
  }
}

const unreadable = (path: string, why: string): EnginelightError =>
  new EnginelightError(
    'EL_PANEL_CONFIG',
    `The baseline ${JSON.stringify(path)} is no list of known findings: ${why}.`,
    {
      option: 'baseline',
    },
  )
