/** The way from the recorder to the pages: which pages watch, and what each has been sent. */
export { Feed, type Greeting } from './feed.ts'
export { Viewer } from './viewer.ts'
export { parseClientMessage } from './client-message.ts'
