import type { compose } from '../compose.ts'
import { explainListenError } from '../observe/listen-error.ts'
import type { ShortTurns } from './short-turns.ts'

export const IDLE_SECONDS = 30

type Fetch = Awaited<ReturnType<typeof compose>>['app']['fetch']
type Handler = (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>
export type Listener = ReturnType<typeof listen>

type Address = { HOST?: string | undefined; PORT: number }

/** Passes the requests of one listener to the application. */
export function createHandler(fetch: Fetch, { waitForLaterTurn }: ShortTurns): Handler {
  let listener: Bun.Server<undefined> | undefined
  const addressOf = (request: Request) => listener?.requestIP(request)?.address ?? null
  return (request, server) => {
    listener = server
    const later = waitForLaterTurn()
    return later ? later.then(() => fetch(request, addressOf)) : fetch(request, addressOf)
  }
}

/** Starts to listen. With `isShared`, several processes may listen on the port (Linux only). */
export function listen({ HOST, PORT }: Address, isShared: boolean, handle: Handler, setting = 'PORT') {
  try {
    return Bun.serve({
      port: PORT,
      ...(HOST && { hostname: HOST }),
      reusePort: isShared,
      idleTimeout: IDLE_SECONDS,
      // The app checks the size itself, before it reads the body, and answers with its own error.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: handle,
    })
  } catch (cause) {
    throw explainListenError(cause, { host: 'HOST', port: [setting, PORT] })
  }
}

/** From now on, each response closes its connection, so that clients connect to another replica. */
export function closeConnectionsAfterResponse(listener: Listener, handle: Handler) {
  listener.reload({
    async fetch(request, server) {
      const response = await handle(request, server)
      response.headers.set('Connection', 'close')
      return response
    },
  })
}

/** Takes no new connections, waits for the running requests until the deadline, then closes the rest. */
export async function stopListening(listener: Listener, maxDrainMs: number) {
  const deadline = Date.now() + maxDrainMs
  void listener.stop()
  while (listener.pendingRequests > 0 && Date.now() < deadline) {
    await Bun.sleep(20)
  }
  await listener.stop(true)
}
