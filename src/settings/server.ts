import { choice, Toggle } from './kinds/choice.ts'
import { ListenHost } from './kinds/host.ts'
import { kind, listOf } from './kinds/kind.ts'
import { parseNetwork } from './kinds/network.ts'
import { parseWholeNumber, wholeNumber } from './kinds/number.ts'
import { parseAllowedOrigin, parseOwnOrigin } from './kinds/origin.ts'

/** Where the server listens, who may call it, and which of its pages it shows. */
export const serverSettings = {
  NODE_ENV: choice(['production', 'development', 'test']).default('production'),
  HOST: ListenHost.optional(),
  PORT: wholeNumber(1, 65_535).default(3000),
  /** `off`: administration is not served at all. */
  ADMIN_PORT: kind(parseAdminPort).optional(),
  WORKERS: wholeNumber(1, 64).default(1),
  SHUTDOWN_DELAY_SECONDS: wholeNumber(0, 300).default(0),
  PUBLIC_URL: kind(parseOwnOrigin).optional(),
  ALLOWED_ORIGINS: listOf(parseAllowedOrigin).prefault(''),
  TRUSTED_PROXIES: listOf(parseNetwork).prefault(''),
  GRAPHIQL: Toggle.optional(),
  INTROSPECTION: Toggle.optional(),
  DOCS: Toggle.optional(),
  FEDERATION: Toggle.default(false),
  PUBLISH_SCHEMA: Toggle.default(false),
  PUBLISH_VERSION: Toggle.default(false),
}

function parseAdminPort(text: string): number | 'off' {
  return text === 'off' ? 'off' : parseWholeNumber(text, 1, 65_535)
}
