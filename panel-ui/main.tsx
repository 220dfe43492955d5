import './theme.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { Connection } from './connection.ts'
import { paced } from './model/paced.ts'
import { Processes } from './model/processes.ts'
import { ProcessesContext, ShownProcess } from './model/use-processes.tsx'
import { ProcessList } from './process-list.ts'
import { adjust, routeNow } from './route.ts'
import { themeStore } from './theme.ts'
import { takeToken } from './token.ts'

const token = takeToken()
const processes = new Processes(
  () => paced(requestAnimationFrame.bind(globalThis)),
  (model, boot) => {
    const connection = new Connection(model, token!, boot)
    model.onLostRows = () => connection.resync()
    model.onWatch = truth => connection.watch(truth)
    model.onDismiss = key => connection.dismiss(key)
    return connection
  },
)
// An id in the address is of the process before.
processes.onSwitch = () => adjust(routeNow().view, [], routeNow().query)
const list = new ProcessList(processes, token)

themeStore.start()
createRoot(document.getElementById('panel')!).render(
  <StrictMode>
    <ProcessesContext value={processes}>
      <ShownProcess>
        <App
          retryNow={() => {
            list.retryNow()
            processes.retryNow()
          }}
        />
      </ShownProcess>
    </ProcessesContext>
  </StrictMode>,
)
list.open()
