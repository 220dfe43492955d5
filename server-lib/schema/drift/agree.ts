/** If one side is silent there is no difference. */
export function agree<T>(there: T | undefined, wanted: T | undefined): boolean {
  return there === undefined || wanted === undefined || there === wanted
}
