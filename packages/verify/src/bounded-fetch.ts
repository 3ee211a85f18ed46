import type { Fetch } from './feed/feed.ts'

/**
 * A `fetch` that reads an answer whole, and at most `maxBytes` of it after decompression, so that whatever answers in the
 * place of Servauth cannot fill the memory. @throws an error that names the address
 */
export function boundFetch(fetch: Fetch, maxBytes: number): Fetch {
  return async function fetchBounded(url, init) {
    const response = await fetch(url, init)
    if (!response.body) return response
    const reader = response.body.getReader()
    const parts: Uint8Array<ArrayBuffer>[] = []
    let length = 0
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      length += value.length
      if (length > maxBytes) {
        await reader.cancel().catch(() => {})
        const address = url instanceof Request ? url.url : String(url)
        throw new Error(`The answer of ${address} has more than ${maxBytes} bytes`)
      }
      parts.push(value)
    }
    return new Response(new Blob(parts), { status: response.status, headers: response.headers })
  }
}
