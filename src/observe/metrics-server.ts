import { prometheusContentType } from 'prom-client'
import { explainListenError } from './listen-error.ts'
import type { Logger } from './log.ts'

type Address = { METRICS_HOST: string; METRICS_PORT: number }

/** Serves only the metrics, on an address and a port of its own. Concurrent scrapes share one read. */
export function serveMetrics(
  { METRICS_HOST, METRICS_PORT }: Address,
  text: () => Promise<string>,
  log: Logger,
) {
  let scraping: Promise<string> | undefined
  const scrape = () => {
    scraping ??= text().finally(() => {
      scraping = undefined
    })
    return scraping
  }

  /** A scrape has no body. The answer to a request with one closes its connection, as on the port for clients. */
  async function answer(request: Request) {
    const response = await answerScrape(request)
    const { headers } = request
    if (headers.has('content-length') || headers.has('transfer-encoding')) {
      response.headers.set('Connection', 'close')
    }
    return response
  }

  async function answerScrape(request: Request) {
    // A check by HTTP/1.0 may have no Host. Then Bun's `url` is the path alone.
    const { pathname } = new URL(request.url, 'http://localhost')
    if (request.method !== 'GET' || pathname !== '/metrics') {
      return new Response('Not found\n', { status: 404 })
    }
    try {
      return new Response(await scrape(), { headers: { 'Content-Type': prometheusContentType } })
    } catch (err) {
      log.error({ err }, 'metrics failed')
      return new Response('Failed\n', { status: 500 })
    }
  }

  try {
    return Bun.serve({ hostname: METRICS_HOST, port: METRICS_PORT, fetch: answer })
  } catch (cause) {
    throw explainListenError(cause, {
      host: 'METRICS_HOST',
      port: ['METRICS_PORT', METRICS_PORT],
    })
  }
}
