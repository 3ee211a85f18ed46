import { existsSync } from 'node:fs'
import type { Refuse } from './parameters.ts'

/** A server. The certificate must be for `name`. If `name` is a folder, the server is reached by a socket in it. */
export type Host = { name: string; address: string | undefined; port: number }

/** Where PostgreSQL creates its socket, in the order in which libpq packages look for it. */
const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp']

/** Whether a server is reached by a socket in a folder, not over a network. */
export const isSocket = ({ name, address }: Host) => !address && name.startsWith('/')
export const getSocketPath = (folder: string, port: number) => `${folder}/.s.PGSQL.${port}`

/** @param text gives the value of a parameter */
export function readHosts(text: (name: string) => string | undefined, refuse: Refuse): Host[] {
  const split = (name: string) =>
    text(name)
      ?.split(',')
      .map((each) => each.trim()) ?? []
  const [names, addresses, ports] = [split('host'), split('hostaddr'), split('port')]
  const count = Math.max(names.length, addresses.length, 1)
  if (names.length > 0 && addresses.length > 0 && names.length !== addresses.length) {
    refuse('hostaddr', 'must have as many addresses as there are hosts')
  }
  if (ports.length > 1 && ports.length !== count) refuse('port', 'must be one port, or one for each host')
  return Array.from({ length: count }, (_, index) => {
    const port = (ports.length > 1 ? ports[index] : ports[0]) || '5432'
    if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
      refuse('port', 'must be a number from 1 to 65535')
    }
    const address = addresses[index] || undefined
    const name = names[index] || address || findDefaultHost(Number(port))
    if (name.startsWith('@')) refuse('host', 'must be a name, an address, or the folder of a socket')
    return { name, address, port: Number(port) }
  })
}

/** Like libpq: a socket if there is one, and this machine otherwise. */
function findDefaultHost(port: number) {
  return SOCKET_FOLDERS.find((folder) => existsSync(getSocketPath(folder, port))) ?? 'localhost'
}
