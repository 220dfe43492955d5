const lock = new Int32Array(new SharedArrayBuffer(4))

/** The event loop stands still for so long. The core is left to the other tests, which a loop that spins would not do. */
export function stall(ms: number): void {
  Atomics.wait(lock, 0, 0, ms)
}
