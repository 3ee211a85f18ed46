import { onTestFinished } from 'vitest'

export type FeedEvent = { name: string; id: string | undefined; data: Record<string, unknown> }

type Options = {
  url: string
  key: string
  lastEventId?: string | undefined
  nonce?: string
  ask?: (url: string, init: RequestInit) => Promise<Response>
}

/** Listens to the feed as a service does, and collects its events. */
export async function listenToFeed({ url, key, lastEventId, nonce, ask = fetch }: Options) {
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const response = await ask(`${url}/auth/revocations${nonce ? `?nonce=${nonce}` : ''}`, {
    headers: { authorization: `Bearer ${key}`, ...(lastEventId && { 'last-event-id': lastEventId }) },
    signal: abort.signal,
  })
  const events: FeedEvent[] = []
  const waiting = new Set<() => void>()
  const state = { ended: false }

  async function collect(body: ReadableStream<Uint8Array>) {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
      rest = blocks.pop() ?? ''
      events.push(...blocks.filter((block) => !block.startsWith(':')).map(parseEvent))
      for (const check of waiting) check()
    }
  }
  if (response.body) {
    void collect(response.body)
      .catch(() => {})
      .finally(() => {
        state.ended = true
        for (const check of waiting) check()
      })
  }

  return {
    response,
    events,
    state,
    /** Events that are not proofs. */
    revocations: () => events.filter(({ name }) => name !== 'proof' && name !== 'open'),
    /** Waits for an event; undefined if the stream ends first. */
    async until(isWanted: (event: FeedEvent) => boolean, from = 0): Promise<FeedEvent | undefined> {
      return new Promise((resolve) => {
        const check = () => {
          const found = events.slice(from).find(isWanted)
          if (!found && !state.ended) return
          waiting.delete(check)
          resolve(found)
        }
        waiting.add(check)
        check()
      })
    },
    close: () => abort.abort(),
  }
}

function parseEvent(block: string): FeedEvent {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
  return { name: field('event') ?? '', id: field('id'), data: JSON.parse(field('data') ?? '{}') }
}
