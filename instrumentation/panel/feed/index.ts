/** The way from the recorder to the pages: who looks on, and what each has been sent. */
export { Feed, type Greeting } from './feed.ts'
export { Viewer } from './viewer.ts'
export { parseClientMessage } from './client-message.ts'
