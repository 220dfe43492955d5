/** The panel's page as static files, and every answer over plain HTTP. */
export { answerPage, answerText } from './answer.ts'
export { readPageFiles, type PageFiles } from './files.ts'
export { SECURITY_HEADERS } from './headers.ts'
export { isOurs, MOUNT, PROCESSES_PATH, SOCKET_PATH } from './mount-path.ts'
