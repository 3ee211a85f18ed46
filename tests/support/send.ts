import type { compose } from '../../src/compose.ts'

type App = Awaited<ReturnType<typeof compose>>['app']

export const SOCKET_ADDRESS = '192.0.2.1'

/** Sends a request to an application without a port, as from a client with this address. */
export async function send(
  app: Pick<App, 'fetch'>,
  path: string,
  init: RequestInit = {},
  address: string | null = SOCKET_ADDRESS,
) {
  return app.fetch(new Request(`http://localhost${path}`, init), () => address)
}
