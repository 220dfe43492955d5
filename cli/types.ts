import { readFile } from 'node:fs/promises'
import { EnginelightError } from '../server-lib/index.ts'
import { writeTypes, type TypeMap, type TypesReport } from '../server-lib/schema/index.ts'
import { shownMessage } from '../server-lib/channels/shown-message.ts'
import type { EnginesLine } from './command-line.ts'
import type { AnyEngines } from './load-engines.ts'
import { UsageError } from './usage.ts'

type Types = Extract<EnginesLine, { command: 'types' }>

/** Writes the types of each engine, or compares them. Resolves to what is to be printed, and whether they are those of the database. */
export async function types(engines: AnyEngines, line: Types): Promise<{ text: string; isClear: boolean }> {
  const { out, check, partitions, engine, schema, only, json } = line
  const typeMap = line.typeMap === undefined ? undefined : await readTypeMap(line.typeMap)
  const reports = await writeTypes(engines, {
    out,
    check,
    partitions,
    ...(engine.length > 0 && { engines: engine }),
    ...(schema.length > 0 && { schemas: schema.includes('*') ? ('*' as const) : schema }),
    ...(only.length > 0 && { only }),
    ...(typeMap !== undefined && { typeMap }),
  }).catch(asUsage)
  const isClear = reports.every(({ state }) => state !== 'stale')
  return { text: json ? JSON.stringify(reports, null, 2) : inWords(reports), isClear }
}

function inWords(reports: readonly TypesReport[]): string {
  const lines = reports.flatMap(({ file, state, changes }) => [
    `${file}: ${state}`,
    ...changes.map(line => `  ${line}`),
  ])
  if (reports.some(({ state }) => state === 'stale')) {
    lines.push('The types are not those of the database: run enginelight types without --check.')
  }
  return lines.join('\n')
}

async function readTypeMap(file: string): Promise<TypeMap> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as TypeMap
  } catch (cause) {
    throw new UsageError(`${file} could not be read: ${shownMessage(cause)}`, { cause })
  }
}

/** A name that there is not was given on the command line. */
function asUsage(error: unknown): never {
  const isWrongName = error instanceof EnginelightError && /^EL_(CONFIG|UNKNOWN_)/.test(error.code)
  throw isWrongName ? new UsageError(error.message, { cause: error }) : error
}
