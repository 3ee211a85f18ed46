import { randomInt } from 'node:crypto'
import type { AppContext } from '../http/context.ts'

/** A tour in tabs: press play in each, from left to right. The cookie carries the session. */
function tour(email: string) {
  const account = `email: "${email}", password: "a long enough phrase"`
  const user = `user {
      id
      email
      username
      createdAt
    }`
  const grant = `${user}
    session {
      id
      expiresAt
    }
    accessToken
    accessTokenExpiresAt`
  return [
    `mutation Register {
  register(input: { ${account}, username: "Ada" }) {
    ${grant}
  }
}`,
    `mutation Login {
  login(input: { ${account} }) {
    ${grant}
  }
}`,
    `query Me {
  me {
    id
    email
    emailVerified
    username
    updatedAt
  }
}`,
    `mutation Refresh {
  refresh {
    ${grant}
  }
}`,
    `mutation Logout {
  logout
}`,
  ].map((query) => ({ query }))
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
      defaultEditorToolsVisibility: false,
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
