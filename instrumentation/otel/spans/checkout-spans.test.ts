import { expect, test } from 'vitest'
import { start } from '../testing/start.ts'

test('a check-out has a span when it waited or failed, and the failed one names the holders', () => {
  const { recorder, script } = start({ lines: true })
  script.session()
  script.checkout('k1')
  script.acquired('k1', 0.9)
  script.checkout('k2')
  script.acquired('k2', 12)
  script.checkout('k3')
  script.checkoutFailed(
    { type: 'EnginelightError', code: 'EL_CHECKOUT_TIMEOUT', message: 'waited 1000 ms' },
    'k3',
  )
  script.checkout('k4', { session: null, request: null })
  script.acquired('k4', 3)
  script.sessionEnd()
  expect(
    recorder.draw(
      'enginelight.checkout.id',
      'enginelight.checkout.wait_time',
      'code.file.path',
      'code.line.number',
      'enginelight.connection.backend_pid',
      'error.type',
      'enginelight.checkout.holders',
    ),
  ).toBe(
    `INTERNAL enginelight.session writer
  INTERNAL enginelight.checkout id=k2 wait_time=0.012 path=src/orders.ts number=41 backend_pid=815
  INTERNAL enginelight.checkout id=k3 wait_time=1 path=src/orders.ts number=41 type=EL_CHECKOUT_TIMEOUT holders=c1 (pid 815) idle in transaction held 2000 ms by request u0 from src/slow.ts:7 ! EnginelightError (EL_CHECKOUT_TIMEOUT)
INTERNAL enginelight.checkout id=k4 wait_time=0.003 path=src/orders.ts number=41 backend_pid=815`,
  )
  expect(recorder.instrumentation.openCount).toBe(0)
})
