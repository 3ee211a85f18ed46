import type { Env } from '../../env.ts'
import { isLocal } from '../../settings/kinds/host.ts'
import { isListedOrigin } from '../../settings/kinds/origin.ts'
import { note, type Verdict } from './verdict.ts'

/** Settings that are valid, and probably not what the operator means. */
export function findRisks(env: Env): [part: string, verdict: Verdict][] {
  const { hostname, protocol } = new URL(env.PUBLIC_URL)
  const isProduction = env.NODE_ENV === 'production'
  const app = new URL(env.APP_URL).origin
  const risks: [part: string, applies: boolean, summary: string, advice: string][] = [
    [
      'https',
      isProduction && protocol === 'http:',
      'the session cookie is sent without https, because PUBLIC_URL is http',
      'That is for a try on this machine. Set PUBLIC_URL to the https origin that users see.',
    ],
    [
      'mode',
      !isProduction && !isLocal(hostname) && protocol === 'https:',
      `${env.NODE_ENV} mode shows GraphiQL to all, and writes mails to the log if SMTP_URL is not set`,
      'If other people use this server, set NODE_ENV=production.',
    ],
    [
      'pages',
      isProduction && env.SMTP_URL !== undefined && env.APP_URL === env.PUBLIC_URL,
      'links in mails lead to PUBLIC_URL, where Servauth has no pages for them',
      'Set APP_URL to the base of your pages, unless your proxy serves them at PUBLIC_URL.',
    ],
    [
      'pages',
      app !== env.PUBLIC_URL && !isListedOrigin(app, new Set(env.ALLOWED_ORIGINS)),
      'the pages of APP_URL may not call Servauth from a browser',
      'List the origin of APP_URL in ALLOWED_ORIGINS, unless a server of yours sends their requests.',
    ],
    [
      'sessions',
      // The token ends with the session, so a client that waits for its end has nothing left to refresh.
      env.ACCESS_TOKEN_SECONDS >= env.SESSION_IDLE_SECONDS &&
        env.SESSION_IDLE_SECONDS < env.SESSION_MAX_SECONDS,
      'a session ends before its client needs a refresh, also while it is in use',
      'Set ACCESS_TOKEN_SECONDS to less than SESSION_IDLE_SECONDS.',
    ],
    [
      'graphiql',
      env.GRAPHIQL && !env.INTROSPECTION,
      'GraphiQL opens with an error and knows no schema without INTROSPECTION',
      'Set INTROSPECTION=true, or remove GRAPHIQL.',
    ],
    [
      'events',
      env.EVENT_PULL && env.ADMIN_PORT === 'off',
      'no service can read the events of EVENT_PULL, because ADMIN_PORT is off',
      'Set ADMIN_PORT to a port inside your network, or remove EVENT_PULL.',
    ],
  ]
  return risks.flatMap(([part, applies, summary, advice]) => (applies ? [[part, note(summary, advice)]] : []))
}
