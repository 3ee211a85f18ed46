type Value = { stringValue?: string; intValue?: number | string }
type OtlpSpan = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes: { key: string; value: Value }[]
  events?: unknown[]
  status: { code?: number }
}
type OtlpBody = {
  resourceSpans: {
    resource: { attributes: { key: string; value: Value }[] }
    scopeSpans: { spans: OtlpSpan[] }[]
  }[]
}

/** A collector on loopback that keeps the traces it receives by OTLP over HTTP. */
export function createCollector() {
  const bodies: OtlpBody[] = []
  const received: string[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if (new URL(request.url).pathname !== '/v1/traces') return new Response(null, { status: 404 })
      const text = await request.text()
      received.push(text)
      bodies.push(JSON.parse(text))
      return Response.json({})
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    /** Every request body, unparsed. */
    raw: () => received.join('\n'),
    services: () =>
      new Set(
        bodies
          .flatMap(({ resourceSpans }) => resourceSpans)
          .map(({ resource }) => read(resource)['service.name']),
      ),
    spans: () =>
      bodies
        .flatMap(({ resourceSpans }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans)
        .map((span) => ({ ...span, attributes: read(span) })),
    close: () => server.stop(true),
  }
}

function read({ attributes }: { attributes: { key: string; value: Value }[] }) {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  ) as Record<string, string | number | undefined>
}
