/** What outlives a process: the token and the port of a project's panels, for this user alone. */
export {
  keptProject,
  knownProject,
  projectFolder,
  projectPath,
  replaceToken,
  type Project,
} from './project.ts'
export { UnsafePlace } from './state-folder.ts'
