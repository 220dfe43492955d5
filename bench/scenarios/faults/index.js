import { aborted } from './aborted.js'
import { hostile } from './hostile.js'
import { idleHolders } from './idle-holders.js'
import { killed } from './killed.js'
import { leak } from './leak.js'
import { liedCommit } from './lied-commit.js'
import { lock } from './lock.js'
import { burstNPlusOne, serialNPlusOne } from './n-plus-one.js'
import { nested } from './nested.js'
import { noCommit } from './no-commit.js'
import { noContext } from './no-context.js'
import { queued } from './queued.js'
import { readAfterWrite } from './read-after-write.js'
import { savepoint } from './savepoint.js'
import { stall } from './stall.js'
import { stray } from './stray.js'
import { wholePool } from './whole-pool.js'
import { wrongPassword } from './wrong-password.js'

export const FAULTS = [
  idleHolders,
  nested,
  leak,
  liedCommit,
  savepoint,
  stray,
  serialNPlusOne,
  burstNPlusOne,
  readAfterWrite,
  lock,
  killed,
  wrongPassword,
  stall,
  noCommit,
  queued,
  noContext,
  wholePool,
  aborted,
  hostile,
]
