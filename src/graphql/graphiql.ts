import { randomInt } from 'node:crypto'
import type { AppContext } from '../http/context.ts'

const USER = 'id email emailVerified username createdAt'
const GRANT = `user { ${USER} } session { id expiresAt } accessToken accessTokenExpiresAt`

/** The tabs are a tour: press play in each, from left to right. The cookie carries the session. */
function tour(email: string) {
  const password = 'a long enough phrase'
  const tab = (query: string, variables?: object) => ({
    query,
    ...(variables && { variables: JSON.stringify(variables, null, 2) }),
  })
  return [
    tab(`mutation Register($input: RegisterInput!) {\n  register(input: $input) { ${GRANT} }\n}`, {
      input: { email, password, username: 'Ada' },
    }),
    tab(`mutation Login($input: LoginInput!) {\n  login(input: $input) { ${GRANT} }\n}`, {
      input: { email, password },
    }),
    tab(`query Me {\n  me { ${USER} }\n}`),
    tab(`mutation Refresh {\n  refresh { ${GRANT} }\n}`),
    tab('mutation Logout {\n  logout\n}'),
  ]
}

/**
 * `GET /graphql`: GraphiQL from our own disk, no CDN. It comes whole in one page, with its scripts
 * and styles inline, so this page alone has a policy that lets them run.
 */
export async function createGraphiQL() {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  return function graphiql(c: AppContext) {
    const page = renderGraphiQL({
      title: 'Servauth',
      endpoint: '/graphql',
      credentials: 'same-origin',
      defaultEditorToolsVisibility: 'variables',
      defaultTabs: tour(`ada+${randomInt(1000, 10_000)}@example.com`),
    })
    return c.body(page, 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy':
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; " +
        "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'",
    })
  }
}
