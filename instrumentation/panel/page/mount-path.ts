/** Where the panel lives on any server. */
export const MOUNT = '/__enginelight'
export const SOCKET_PATH = `${MOUNT}/socket`
export const PROCESSES_PATH = `${MOUNT}/processes`

/** Whether a request is the panel's: its path, undecoded, is ours or below ours. */
export function isOurs(url: string | undefined): boolean {
  if (url === undefined || !url.startsWith(MOUNT)) return false
  const next = url.charAt(MOUNT.length)
  return next === '' || next === '/' || next === '?' || next === '#'
}
