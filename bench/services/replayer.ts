const FEED = '/auth/revocations'
const EVENT_STREAM = { 'content-type': 'text/event-stream' }

/** A proxy in front of Servauth that records the feed, and can answer a request for it with an earlier answer. */
export function createReplayer(target: () => string) {
  let recorded: Uint8Array[] = []
  let isReplaying = false
  let streams = new Set<AbortController>()

  async function passOn(request: Request, path: string) {
    const abort = new AbortController()
    const answer = await fetch(target().replace(/\/$/, '') + path, {
      headers: request.headers,
      signal: abort.signal,
    })
    if (!path.startsWith(FEED) || !answer.body) return answer
    streams.add(abort)
    recorded = []
    const reader = answer.body.getReader()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value } = await reader.read().catch(() => ({ value: undefined }))
        if (!value) return controller.close()
        recorded.push(value)
        controller.enqueue(value)
      },
      cancel: () => abort.abort(),
    })
    return new Response(body, { headers: EVENT_STREAM })
  }

  /** The earlier answer, as slowly as it came, and then its last proof again and again. */
  const replayed = () =>
    new ReadableStream<Uint8Array>({
      async start(controller) {
        try {
          for (const chunk of [...recorded]) controller.enqueue(chunk)
          for (let turn = 0; turn < 40; turn++) {
            await new Promise((done) => setTimeout(done, 250))
            const last = recorded.at(-1)
            if (last) controller.enqueue(last)
          }
          controller.close()
        } catch {
          // The service has left.
        }
      },
    })

  const server = Bun.serve({
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      if (isReplaying && pathname === FEED) return new Response(replayed(), { headers: EVENT_STREAM })
      return passOn(request, pathname + search).catch(() => new Response(null, { status: 502 }))
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    /** Ends the streams, and answers with what was recorded from now on. */
    replay() {
      isReplaying = true
      for (const stream of streams) stream.abort()
      streams = new Set()
    },
    restore() {
      isReplaying = false
    },
    close: () => server.stop(true),
  }
}
