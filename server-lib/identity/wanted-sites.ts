import { Wanted } from './wanted.ts'

const sites = new Wanted('site readers')

/** Whether an observer wants the line of each statement. Capturing and reading it costs more than the rest of a message. */
export const sitesAreWanted = (): boolean => sites.isWanted

/** Requests the line of each statement until the returned function is called. */
export const wantSites = (): (() => void) => sites.want()
