/** All processes of a project at one address: who has the port, who else there is, and how a page reaches each. */
export { Directory } from './directory.ts'
export { openLocalDoor, type LocalDoor } from './local-door.ts'
export { Neighbours } from './neighbours.ts'
export { relay } from './relay.ts'
export { CHALLENGE, PROOF_PATH, proofOf, proven } from './proof.ts'
export { takePort, type SharedPort } from './shared-port.ts'
