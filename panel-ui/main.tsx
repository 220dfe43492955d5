import './theme.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { Connection } from './connection.ts'
import { paced } from './model/paced.ts'
import { PanelModel } from './model/panel-model.ts'
import { PanelContext } from './model/use-panel.ts'
import { themeStore } from './theme.ts'
import { takeToken } from './token.ts'

const token = takeToken()
const model = new PanelModel(paced(requestAnimationFrame.bind(globalThis)))
const connection = new Connection(model, token)
model.onLostRows = () => connection.resync()
model.onWatch = truth => connection.watch(truth)

themeStore.start()
createRoot(document.getElementById('panel')!).render(
  <StrictMode>
    <PanelContext value={model}>
      <App retryNow={() => connection.retryNow()} />
    </PanelContext>
  </StrictMode>,
)
connection.open()
