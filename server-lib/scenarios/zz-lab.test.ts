import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { createDatabase } from '../testing/database.ts'
test('lab', async () => {
  const database = await createDatabase('create table t (id int primary key, note text, name text)')
  writeFileSync('/tmp/lab-url', database.url)
  const { existsSync } = await import('node:fs')
  for (let i = 0; i < 1150 && !existsSync('/tmp/lab-stop'); i++) await new Promise(r => setTimeout(r, 500))
  await database.drop()
}, 600_000)
