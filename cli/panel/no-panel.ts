/** No panel answers, or it does not let us in: one sentence, and exit code 3. */
export class NoPanelError extends Error {}
