import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { parseTraceParent, setGlobalErrorHandler } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Env } from '../env.ts'
import { AuthError } from '../errors.ts'
import type { Attributes, Span } from '../span.ts'
import type { Logger } from './log.ts'
import { createTraceSampler } from './trace-sampler.ts'

export type Tracing = ReturnType<typeof createTracing>

/** The result of a request, for its span. */
type SpanResult = { name: string; attributes: Attributes; isFault: boolean }

/** How long a stop waits for the collector. */
const MAX_FLUSH_MS = 2000

/**
 * Spans by OpenTelemetry. Its SDK reads the endpoint, headers and resource attributes from its standard variables.
 * The provider is not global, because libraries that find a global one may put secrets into spans.
 */
export function createTracing(env: Env, log: Logger) {
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'servauth' }))
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }))
  const provider = new TracerProvider({
    resource,
    sampler: createTraceSampler(env.OTEL_TRACES_SAMPLER, env.OTEL_TRACES_SAMPLER_ARG),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  })
  const warnNotSent = (err: unknown) => log.warn({ err }, 'traces not sent')
  setGlobalErrorHandler(warnNotSent)
  const tracer = provider.getTracer('servauth')
  const current = new AsyncLocalStorage<Context>()

  async function runInSpan<T>(
    parent: Context,
    name: string,
    options: { kind: SpanKind; attributes: Attributes },
    work: () => PromiseLike<T>,
  ): Promise<T> {
    const started = tracer.startSpan(name, options, parent)
    try {
      return await current.run(trace.setSpan(parent, started), work)
    } catch (fault) {
      // Only the type, because a message may contain input of a user.
      started.setAttribute('error.type', getErrorType(fault))
      started.setStatus({ code: SpanStatusCode.ERROR })
      throw fault
    } finally {
      started.end()
    }
  }

  /** Outside of a trace, for example in housekeeping, the work runs without a span. */
  const span: Span = async (name, attributes, work) => {
    const parent = current.getStore()
    return parent ? runInSpan(parent, name, { kind: SpanKind.CLIENT, attributes }, work) : work()
  }

  return {
    span,
    /** Starts a new trace for background work, which belongs to no request. */
    task: <T>(name: string, attributes: Attributes, work: () => Promise<T>) =>
      runInSpan(ROOT_CONTEXT, name, { kind: SpanKind.INTERNAL, attributes }, work),

    /** Starts the span of a request. It continues the trace of the `traceparent` header (W3C Trace Context), if any. */
    async request<T>(
      traceparent: string | undefined,
      work: (traceId: string) => Promise<{ result: T; answered: SpanResult }>,
    ): Promise<T> {
      const remote = traceparent ? parseTraceParent(traceparent) : null
      const parent = remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : ROOT_CONTEXT
      const started = tracer.startSpan('request', { kind: SpanKind.SERVER }, parent)
      try {
        const { traceId } = started.spanContext()
        const { result, answered } = await current.run(trace.setSpan(parent, started), work, traceId)
        const { name, attributes, isFault } = answered
        started.updateName(name)
        started.setAttributes(attributes)
        if (isFault) started.setStatus({ code: SpanStatusCode.ERROR })
        return result
      } finally {
        started.end()
      }
    },

    /** Sends the remaining spans. The deadline keeps a dead collector from delaying the stop. */
    async stop() {
      const timeout = new Promise<never>((_, reject) => {
        setTimeout(() => reject(new Error('The collector did not accept the spans in time')), MAX_FLUSH_MS)
      })
      await Promise.race([provider.shutdown(), timeout]).catch(warnNotSent)
    },
  }
}

function getErrorType(fault: unknown) {
  if (fault instanceof AuthError) return fault.code
  return fault instanceof Error ? fault.name : typeof fault
}
