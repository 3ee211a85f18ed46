import { randomBytes, randomInt } from 'node:crypto'
import type { AppContext } from '../../http/context.ts'

/** A tour in tabs. The developer presses play in each, from left to right. The cookie holds the session. */
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
    `query Sessions {
  sessions {
    id
    current
    lastUsedAt
    ipAddress
    userAgent
  }
}`,
    `query Events {
  events(first: 10) {
    kind
    createdAt
    ipAddress
  }
}`,
    `mutation ChangePassword {
  changePassword(input: { currentPassword: "a long enough phrase", newPassword: "a longer phrase still" }) {
    ${grant}
  }
}`,
    `mutation RequestPasswordReset {
  requestPasswordReset(input: { email: "${email}" })
}`,
    `mutation Logout {
  logout
}`,
  ].map((query) => ({ query }))
}

/** Tabs can be dragged and start with a wrong offset (motiondivision/motion#3823): without this, a click on one is lost. */
const STYLE = '<style>.graphiql-tab { transform: none !important }</style>'

/**
 * `GET /graphql`: GraphiQL as one page without a CDN. Its script starts workers from blobs. Styles, fonts and pictures
 * are inline. Only the policy of this page allows that.
 */
export async function createGraphiQL() {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  return function graphiql(c: AppContext) {
    const nonce = randomBytes(16).toString('base64')
    const page = renderGraphiQL({
      title: 'Servauth',
      endpoint: '/graphql',
      credentials: 'same-origin',
      defaultEditorToolsVisibility: false,
      defaultTabs: tour(`ada+${randomInt(1000, 10_000)}@example.com`),
    })
    return c.body(page.replace('<script>', `${STYLE}<script nonce="${nonce}">`), 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy':
        `default-src 'none'; script-src 'nonce-${nonce}'; worker-src blob:; connect-src 'self'; ` +
        "style-src 'unsafe-inline'; font-src data:; img-src data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    })
  }
}
