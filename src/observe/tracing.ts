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
import { createSampler } from './sampler.ts'

export type Tracing = ReturnType<typeof createTracing>

/** What is known of a request when it has been answered. */
export type Answered = { name: string; attributes: Attributes; isFault: boolean }

/** How long a stop waits for the last spans to be taken. */
const FLUSH_MS = 2000

/**
 * Spans by OpenTelemetry. Where they go, and with which headers and resource attributes, its SDK reads from its
 * standard variables. The provider is not made global: libraries that find one put into spans what they like.
 */
export function createTracing(env: Env, log: Logger) {
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'servauth' }))
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }))
  const provider = new TracerProvider({
    resource,
    sampler: createSampler(env.OTEL_TRACES_SAMPLER, env.OTEL_TRACES_SAMPLER_ARG),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  })
  const notSent = (err: unknown) => log.warn({ err }, 'traces not sent')
  setGlobalErrorHandler(notSent)
  const tracer = provider.getTracer('servauth')
  const current = new AsyncLocalStorage<Context>()

  async function within<T>(
    parent: Context,
    name: string,
    options: { kind: SpanKind; attributes: Attributes },
    work: () => PromiseLike<T>,
  ): Promise<T> {
    const made = tracer.startSpan(name, options, parent)
    try {
      return await current.run(trace.setSpan(parent, made), work)
    } catch (fault) {
      // The type alone: messages may hold what somebody typed in.
      made.setAttribute('error.type', typeOf(fault))
      made.setStatus({ code: SpanStatusCode.ERROR })
      throw fault
    } finally {
      made.end()
    }
  }

  /** Outside of any trace, such as in what the server does by the clock, there is nothing to be part of. */
  const span: Span = async (name, attributes, work) => {
    const parent = current.getStore()
    return parent ? within(parent, name, { kind: SpanKind.CLIENT, attributes }, work) : work()
  }

  return {
    span,
    /** A trace of its own for what no request waits for. */
    task: <T>(name: string, attributes: Attributes, work: () => Promise<T>) =>
      within(ROOT_CONTEXT, name, { kind: SpanKind.INTERNAL, attributes }, work),

    /** The span of a request, continuing the trace that its `traceparent` names (W3C Trace Context). */
    async request<T>(
      traceparent: string | undefined,
      work: (traceId: string) => Promise<{ result: T; answered: Answered }>,
    ): Promise<T> {
      const remote = traceparent ? parseTraceParent(traceparent) : null
      const parent = remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : ROOT_CONTEXT
      const made = tracer.startSpan('request', { kind: SpanKind.SERVER }, parent)
      try {
        const { traceId } = made.spanContext()
        const { result, answered } = await current.run(trace.setSpan(parent, made), work, traceId)
        const { name, attributes, isFault } = answered
        made.updateName(name)
        made.setAttributes(attributes)
        if (isFault) made.setStatus({ code: SpanStatusCode.ERROR })
        return result
      } finally {
        made.end()
      }
    },

    /** Sends what is left. A collector that is gone holds nobody up. */
    async stop() {
      const late = new Promise<never>((_, reject) => {
        setTimeout(() => reject(new Error('The collector did not take them in time')), FLUSH_MS)
      })
      await Promise.race([provider.shutdown(), late]).catch(notSent)
    },
  }
}

function typeOf(fault: unknown) {
  if (fault instanceof AuthError) return fault.code
  return fault instanceof Error ? fault.name : typeof fault
}
