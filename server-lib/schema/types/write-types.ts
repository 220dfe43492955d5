import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EnginelightError } from '../../channels/errors.ts'
import { ANYTHING, checkOptions, notEmpty, required, type Needs } from '../../channels/options.ts'
import { reflect, type Only, type Queryable } from '../reflect/index.ts'
import { replaceFile } from '../replace-file.ts'
import { difference } from './difference.ts'
import { pascalCase } from './names.ts'
import { typesOf, type TypesOptions } from './types-of.ts'

export interface WriteTypesOptions extends Pick<TypesOptions, 'typeMap' | 'imports' | 'partitions'> {
  /** The folder, which is created if it does not exist. Each engine has one file in it: `shop.d.ts`. */
  out: string
  /** Which engines. Default: all. */
  engines?: readonly string[]
  /** As in `reflect()`. Default: the schemas on each session's search path. */
  schemas?: readonly string[] | '*'
  /** As in `reflect()`. Default: all. */
  only?: Only
  /** Writes nothing, and reports the differences: for a test that the files match the database. Default false. */
  check?: boolean
}

export interface TypesReport {
  readonly engine: string
  readonly file: string
  /** With `check`, a file that differs or does not exist is `stale`. */
  readonly state: 'written' | 'unchanged' | 'stale'
  /** The differences from the existing file, line by line: `+ Orders: price: string`. */
  readonly changes: readonly string[]
}

const NEEDS: Needs<WriteTypesOptions> = {
  out: required(notEmpty('the folder of the types')),
  engines: ANYTHING,
  schemas: ANYTHING,
  only: ANYTHING,
  check: ANYTHING,
  typeMap: ANYTHING,
  imports: ANYTHING,
  partitions: ANYTHING,
}

/** What is used of the engines. */
export interface SessionSource {
  readonly names: readonly string[]
  open(): object & AsyncDisposable
}

/**
 * Writes a file of types for each engine, from the database that it is connected to. The file `shop.d.ts` has the map
 * `ShopTables`. An unchanged file is not written; a changed one is replaced atomically. Throws EL_CONFIG and
 * EL_UNKNOWN_ENGINE, and what `reflect()` throws.
 */
export async function writeTypes(engines: SessionSource, options: WriteTypesOptions): Promise<TypesReport[]> {
  if (!Array.isArray(engines?.names) || typeof engines.open !== 'function') {
    throw new EnginelightError('EL_CONFIG', 'writeTypes() takes engines, as createEngines() gives them.', {
      option: 'engines',
    })
  }
  // Otherwise `chekc: true` would write.
  checkOptions({ name: 'writeTypes()' }, options, NEEDS)
  const { out, engines: wanted = engines.names, check = false } = options
  const unknown = wanted.find(name => !engines.names.includes(name))
  if (unknown !== undefined) {
    throw new EnginelightError(
      'EL_UNKNOWN_ENGINE',
      `There is no engine "${unknown}"; there are ${engines.names.join(', ')}.`,
      { engine: unknown, known: engines.names },
    )
  }
  const reports: TypesReport[] = []
  await using db = engines.open()
  for (const engine of wanted) {
    const session = (db as Record<string, unknown>)[engine] as Queryable
    const file = join(out, `${engine}.d.ts`)
    const before = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    const text = await typesOn(session, engine, options)
    // Git may have converted the line ends on Windows.
    if (text === before?.replaceAll('\r\n', '\n')) {
      reports.push({ engine, file, state: 'unchanged', changes: [] })
      continue
    }
    const changes = before === null ? ['there is no file yet'] : difference(before, text)
    if (!check) {
      await mkdir(out, { recursive: true })
      await replaceFile(file, text)
    }
    reports.push({ engine, file, state: check ? 'stale' : 'written', changes })
  }
  return reports
}

async function typesOn(session: Queryable, engine: string, options: WriteTypesOptions): Promise<string> {
  const { schemas, only, typeMap, imports, partitions } = options
  const schema = await reflect(session, { ...(schemas && { schemas }), ...(only && { only }) })
  const { rows } = await session.query('select pg_catalog.current_schemas(false)::text[] as path')
  return typesOf(schema, {
    name: `${pascalCase(engine)}Tables`,
    searchPath: rows[0].path,
    ...(typeMap !== undefined && { typeMap }),
    ...(imports && { imports }),
    ...(partitions !== undefined && { partitions }),
  })
}
