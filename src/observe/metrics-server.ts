import { prometheusContentType } from 'prom-client'
import type { Logger } from './log.ts'

/** Serves only the metrics, on a separate port. Concurrent scrapes share one read. */
export function serveMetrics(port: number, text: () => Promise<string>, log: Logger) {
  let scraping: Promise<string> | undefined
  const scrape = () => {
    scraping ??= text().finally(() => {
      scraping = undefined
    })
    return scraping
  }

  async function answer(request: Request) {
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
    return Bun.serve({ port, fetch: answer })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    throw new Error(
      `METRICS_PORT ${port} is in use. Stop the program that uses it, or choose another port.`,
      {
        cause,
      },
    )
  }
}
