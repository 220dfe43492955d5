/** Something to wait for that a test opens: `Promise.withResolvers`, which Node 20 does not have yet. */
export function latch<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open!: (value: T) => void
  const opened = new Promise<T>(resolve => (open = resolve))
  return { opened, open }
}
