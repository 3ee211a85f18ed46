import type { compose } from '../compose.ts'
import { explainListenError } from '../observe/listen-error.ts'

export const IDLE_SECONDS = 30

type Fetch = Awaited<ReturnType<typeof compose>>['app']['fetch']
type Listener = ReturnType<typeof listen>

type Place = { HOST?: string | undefined; PORT: number }

/** Starts to listen. With `isShared`, several processes may listen on the port (Linux only). */
export function listen({ HOST, PORT }: Place, isShared: boolean, fetch: Fetch, setting = 'PORT') {
  try {
    return Bun.serve({
      port: PORT,
      ...(HOST && { hostname: HOST }),
      reusePort: isShared,
      idleTimeout: IDLE_SECONDS,
      // The app checks the size itself, before it reads the body, and answers with its own error.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: createBunHandler(fetch),
    })
  } catch (cause) {
    throw explainListenError(cause, { host: 'HOST', port: [setting, PORT] })
  }
}

/** From now on, each response closes its connection, so that clients connect to another replica. */
export function closeConnectionsAfterResponse(listener: Listener, fetch: Fetch) {
  const answer = createBunHandler(fetch)
  listener.reload({
    async fetch(request, server) {
      const response = await answer(request, server)
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

const createBunHandler = (fetch: Fetch) => (request: Request, server: Bun.Server<undefined>) =>
  fetch(request, { address: () => server.requestIP(request)?.address ?? null })
