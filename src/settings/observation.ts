import { choice, Toggle } from './kinds/choice.ts'
import { ListenHost } from './kinds/host.ts'
import { Share, wholeNumber } from './kinds/number.ts'
import { CollectorUrl, TracesUrl } from './kinds/url.ts'

/** Log, metrics and traces. The variables of traces are OpenTelemetry's own. */
export const observationSettings = {
  LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  METRICS_HOST: ListenHost.default('127.0.0.1'),
  METRICS_PORT: wholeNumber(1, 65_535).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: CollectorUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: TracesUrl.optional(),
  OTEL_TRACES_EXPORTER: choice(['otlp', 'none']).default('otlp'),
  OTEL_TRACES_SAMPLER: choice([
    'always_on',
    'always_off',
    'traceidratio',
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ]).default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: Share.default(1),
  OTEL_SDK_DISABLED: Toggle.default(false),
}
