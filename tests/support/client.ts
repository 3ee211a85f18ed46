import * as documents from '../../packages/client/src/generated/operations.ts'

export type Adapter = 'REST' | 'GraphQL'
export type Transport = 'COOKIE' | 'TOKEN'

export const ADAPTERS: Adapter[] = ['REST', 'GraphQL']

/** The four ways to use a session: each adapter with each transport. */
export const WAYS = ADAPTERS.flatMap((adapter) =>
  (['COOKIE', 'TOKEN'] as const).map((transport) => ({ adapter, transport })),
)

/** Where REST has each operation. */
export const ROUTES = {
  register: 'POST /auth/register',
  login: 'POST /auth/login',
  completeLogin: 'POST /auth/login/complete',
  beginTotp: 'POST /auth/factors/totp',
  confirmTotp: 'POST /auth/factors/totp/:id/confirm',
  factors: 'GET /auth/factors',
  removeFactor: 'DELETE /auth/factors/:id',
  renewRecoveryCodes: 'POST /auth/recovery-codes',
  undoFactorChange: 'POST /auth/factors/undo',
  requestFactorRecovery: 'POST /auth/factors/recovery',
  stepUp: 'POST /auth/step-up',
  beginPasskey: 'POST /auth/passkeys/options',
  addPasskey: 'POST /auth/passkeys',
  passkeys: 'GET /auth/passkeys',
  renamePasskey: 'PATCH /auth/passkeys/:id',
  removePasskey: 'DELETE /auth/passkeys/:id',
  passkeySignals: 'GET /auth/passkeys/signals',
  beginPasskeyLogin: 'POST /auth/login/passkey/options',
  loginWithPasskey: 'POST /auth/login/passkey',
  refresh: 'POST /auth/refresh',
  logout: 'POST /auth/logout',
  me: 'GET /auth/me',
  updateMe: 'PUT /auth/me',
  exportMe: 'GET /auth/me/export',
  deleteMe: 'DELETE /auth/me',
  changePassword: 'PUT /auth/password',
  requestPasswordReset: 'POST /auth/password-reset',
  resetPassword: 'POST /auth/password-reset/confirm',
  requestEmailVerification: 'POST /auth/email-verification',
  verifyEmail: 'POST /auth/email-verification/confirm',
  undoEmailChange: 'POST /auth/email-change/undo',
  cancelEmailChange: 'POST /auth/email-change/cancel',
  reportSignIn: 'POST /auth/sign-in-reports',
  sessions: 'GET /auth/sessions',
  revokeSession: 'DELETE /auth/sessions/:id',
  revokeOtherSessions: 'DELETE /auth/sessions',
  events: 'GET /auth/events',
  roles: 'GET /auth/admin/roles',
  putRole: 'PUT /auth/admin/roles/:name',
  removeRole: 'DELETE /auth/admin/roles/:name',
  serviceKeys: 'GET /auth/admin/service-keys',
  createServiceKey: 'POST /auth/admin/service-keys',
  revokeServiceKey: 'DELETE /auth/admin/service-keys/:id',
  createUser: 'POST /auth/admin/users',
  inviteUser: 'POST /auth/admin/invitations',
  acceptInvitation: 'POST /auth/invitations/accept',
  startEmailChange: 'POST /auth/admin/users/:id/email-change',
  startPasswordReset: 'POST /auth/admin/users/:id/password-reset',
  startFactorRecovery: 'POST /auth/admin/users/:id/factor-recovery',
  resendVerification: 'POST /auth/admin/users/:id/email-verification',
  loginWaits: 'GET /auth/admin/users/:id/waits',
  clearLoginWaits: 'DELETE /auth/admin/users/:id/waits',
  auditEvents: 'GET /auth/admin/events',
  mails: 'GET /auth/admin/mails',
  retryMail: 'POST /auth/admin/mails/:id/retry',
  webhooks: 'GET /auth/admin/webhooks',
  putWebhook: 'POST /auth/admin/webhooks',
  deleteWebhook: 'DELETE /auth/admin/webhooks/:id',
  testWebhook: 'POST /auth/admin/webhooks/:id/test',
  webhookDeliveries: 'GET /auth/admin/webhooks/deliveries',
  replayDeliveries: 'POST /auth/admin/webhooks/:webhookId/replay',
  users: 'GET /auth/admin/users',
  user: 'GET /auth/admin/users/:id',
  setUserRoles: 'PUT /auth/admin/users/:id/roles',
  setUserClaims: 'PUT /auth/admin/users/:id/claims',
  disableUser: 'POST /auth/admin/users/:id/disable',
  suspendUser: 'POST /auth/admin/users/:id/suspend',
  enableUser: 'POST /auth/admin/users/:id/enable',
  endUserSessions: 'DELETE /auth/admin/users/:id/sessions',
  endUserSession: 'DELETE /auth/admin/users/:id/sessions/:sessionId',
  deleteUser: 'DELETE /auth/admin/users/:id',
} as const

export type Operation = keyof typeof ROUTES

const byName: Record<string, unknown> = { ...documents }

/** The document of an operation, as clients send it to GraphQL. */
export const documentOf = (name: Operation) =>
  String(byName[`${name[0]?.toUpperCase()}${name.slice(1)}Document`])

/** Whether an operation takes its arguments directly, instead of as `input`. */
export const isPlain = (name: Operation) => /\$(?!input\b)/.test(documentOf(name))

type Grant = {
  user: documents.UserFieldsFragment
  session: documents.SessionFieldsFragment
  accessToken: string
  accessTokenExpiresAt: string
  refreshToken: string | null
}
type ResultOf<Name extends Operation> =
  (typeof documents)[`${Capitalize<Name>}Document`] extends documents.TypedDocumentString<
    infer Result,
    infer _
  >
    ? Result[Name & keyof Result]
    : never
/** A new account may have no session yet, which the tests of that case look at. */
type Result<Name extends Operation> = Name extends 'register' ? Grant : ResultOf<Name>

/** An answer in one form, the same for both adapters. */
export type Answer<T> = {
  data: T | null
  status: number
  code?: string
  reason?: string
  fields?: { path: string; message: string }[]
  retryAfter?: number
  challenge?: { id: string; methods: string[]; expiresAt: string }
  acr?: string
  maxAge?: number
  methods?: string[]
  permission?: string
  headers: Headers
}

type Credentials = { cookie?: string | null; bearer?: string | null; headers?: Record<string, string> }
type Fetch = (path: string, init?: RequestInit) => Promise<Response>

export type Client = ReturnType<typeof createClient>

let accounts = 0
/** The address and password of a new account. */
export const account = () => ({ email: `person${++accounts}@example.com`, password: 'correct horse battery' })

/** The headers of a request through a proxy, from a client at this address. */
export const from = (address: string, userAgent?: string) => ({
  headers: { 'x-forwarded-for': address, ...(userAgent && { 'user-agent': userAgent }) },
})

export const bearer = (token: string | null | undefined) => ({ authorization: `Bearer ${token}` })

export const JSON_TYPE = { 'content-type': 'application/json' }

/** The code of a refusal by either adapter. */
export async function codeOf(response: Response) {
  const body = await response.json()
  return body.code ?? body.errors?.[0]?.extensions?.code
}

/** The clients and signed-in users of one server, by REST with tokens unless a test names another way. */
export function createClients(fetch: Fetch) {
  const client = (adapter: Adapter = 'REST', transport: Transport = 'TOKEN', address?: string) =>
    createClient(fetch, adapter, transport, address)
  return {
    client,

    /** A request to GraphQL, where a test needs another document than the client's. */
    askGraphQL: (body: unknown, headers: Record<string, string> = {}) =>
      fetch('/graphql', {
        method: 'POST',
        headers: { ...JSON_TYPE, ...headers },
        body: JSON.stringify(body),
      }),

    /** A new user, with the client that registered and is signed in. */
    async registerUser(adapter?: Adapter, transport?: Transport) {
      const input = account()
      const own = client(adapter, transport)
      const { data, code } = await own.register(input)
      if (!data) throw new Error(`The registration was answered with ${code}`)
      return { ...input, input, client: own, user: data.user, session: data.session }
    },
  }
}

/**
 * A well-behaved client: it keeps the credentials that it is given and sends them back.
 * @param address where it seems to come from, if the server trusts the proxy that says so
 */
export function createClient(fetch: Fetch, adapter: Adapter, transport: Transport, address?: string) {
  const kept = {
    cookie: null as string | null,
    /** The browser's mark, which authenticates nothing. */
    device: null as string | null,
    accessToken: null as string | null,
    refreshToken: null as string | null,
  }

  async function call<Name extends Operation>(name: Name, input?: unknown, credentials: Credentials = {}) {
    const jar = [kept.cookie, kept.device].filter(Boolean).join('; ')
    const cookie = credentials.cookie === undefined ? jar : credentials.cookie
    const token =
      credentials.bearer === undefined && transport === 'TOKEN' ? kept.accessToken : credentials.bearer
    const headers = {
      ...(cookie && { cookie }),
      ...(address && from(address).headers),
      ...(token != null && bearer(token)),
      ...credentials.headers,
    }
    const plain = isPlain(name)
    const answer = await (adapter === 'REST'
      ? viaRest<Result<Name>>(fetch, ...placed(ROUTES[name], input, plain), headers)
      : viaGraphQL<Result<Name>>(fetch, name, documentOf(name), plain ? input : { input }, headers))
    keep(answer)
    return answer
  }

  function keep({ data, headers }: Answer<unknown>) {
    for (const cookie of headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';')
      if (pair.includes('-device=')) kept.device = pair
      else kept.cookie = pair.endsWith('=') ? null : pair
    }
    const grant = data as Partial<Grant> | null
    if (grant?.accessToken) kept.accessToken = grant.accessToken
    if (grant?.refreshToken) kept.refreshToken = grant.refreshToken
  }

  const secret = () => (transport === 'TOKEN' ? { refreshToken: kept.refreshToken } : undefined)
  return {
    kept,
    call,
    register: (input: object = account()) => call('register', { ...input, transport }),
    login: (input: object) => call('login', { ...input, transport }),
    completeLogin: (challenge: string | undefined, proof: object) =>
      call('completeLogin', { challenge, proof }),
    beginTotp: () => call('beginTotp'),
    confirmTotp: (id: string, code: string) => call('confirmTotp', { id, code }),
    factors: () => call('factors'),
    removeFactor: (id: string) => call('removeFactor', { id }),
    renewRecoveryCodes: () => call('renewRecoveryCodes'),
    stepUp: (input: object) => call('stepUp', input),
    refresh: () => call('refresh', secret(), { bearer: null }),
    logout: () => call('logout'),
    me: () => call('me'),
    updateMe: (input: object) => call('updateMe', input),
    exportMe: () => call('exportMe'),
    deleteMe: (input?: object) => call('deleteMe', input),
    changePassword: (input: object) => call('changePassword', input),
    sessions: () => call('sessions'),
    revokeSession: (id: string) => call('revokeSession', { id }),
    events: (first?: unknown) => call('events', { first }),
    revokeOtherSessions: () => call('revokeOtherSessions'),
    /** The session's secret as it is sent: a refresh token, or a cookie with its name. */
    secret: () => (transport === 'TOKEN' ? kept.refreshToken : kept.cookie),
    /** Another client with the same credentials: a second tab, a thief. */
    twin() {
      const twin = createClient(fetch, adapter, transport, address)
      Object.assign(twin.kept, kept)
      return twin
    },
  }
}

/** The path with the id that belongs there, and the body. */
function placed(rest: string, input: unknown, plain: boolean): [route: string, body: unknown] {
  if (plain) return [inUrl(rest, input), undefined]
  const [, parameter] = /:(\w+)/.exec(rest) ?? []
  if (!parameter) return [rest, input]
  const { [parameter]: value, ...body } = input as Record<string, unknown>
  return [rest.replace(`:${parameter}`, encodeURIComponent(String(value))), body]
}

/** Puts arguments where REST has them: the ids in the path, the others in the query. */
function inUrl(route: string, given: unknown) {
  const rest = { ...(given as Record<string, unknown>) }
  const path = route.replaceAll(/:(\w+)/g, (_, parameter: string) => {
    const { [parameter]: value } = rest
    delete rest[parameter]
    return encodeURIComponent(String(value))
  })
  const query = new URLSearchParams(
    Object.entries(rest).flatMap(([name, one]) => (one === undefined ? [] : [[name, String(one)]])),
  )
  return path + (query.size > 0 ? `?${query}` : '')
}

async function viaRest<T>(
  fetch: Fetch,
  route: string,
  input: unknown,
  headers: Record<string, string>,
): Promise<Answer<T>> {
  const [method = '', path = ''] = route.split(' ')
  const response = await fetch(path, {
    method,
    headers: { ...(method !== 'GET' && JSON_TYPE), ...headers },
    ...(input !== undefined && { body: JSON.stringify(input) }),
  })
  const text = await response.text()
  const body = text === '' ? true : JSON.parse(text)
  const common = { status: response.status, headers: response.headers }
  if (response.ok) return { data: (body.revoked ?? body.cleared ?? body) as T, ...common }
  const { type: _, title: __, status: ___, ...details } = body
  return { data: null, ...details, ...common }
}

async function viaGraphQL<T>(
  fetch: Fetch,
  name: string,
  query: string,
  variables: unknown,
  headers: Record<string, string>,
): Promise<Answer<T>> {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify({ query, variables: variables ?? {} }),
  })
  const { data, errors } = await response.json()
  const common = { status: response.status, headers: response.headers }
  return { data: (data?.[name] ?? null) as T | null, ...errors?.[0]?.extensions, ...common }
}
