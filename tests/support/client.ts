import {
  AcceptInvitationDocument,
  AddPasskeyDocument,
  AuditEventsDocument,
  type AuditEventsQuery,
  BeginPasskeyDocument,
  BeginPasskeyLoginDocument,
  BeginTotpDocument,
  type BeginTotpMutation,
  CancelEmailChangeDocument,
  type CeremonyFieldsFragment,
  ChangePasswordDocument,
  ClearLoginWaitsDocument,
  CompleteLoginDocument,
  ConfirmTotpDocument,
  type ConfirmTotpMutation,
  CreateServiceKeyDocument,
  CreateUserDocument,
  DeleteMeDocument,
  DeleteUserDocument,
  DeleteWebhookDocument,
  DisableUserDocument,
  EnableUserDocument,
  EndUserSessionsDocument,
  EventsDocument,
  type EventsQuery,
  ExportMeDocument,
  FactorsDocument,
  type FactorsQuery,
  InviteUserDocument,
  LoginDocument,
  LoginWaitsDocument,
  LoginWithPasskeyDocument,
  LogoutDocument,
  type MailFieldsFragment,
  MailsDocument,
  type MailsQuery,
  type ManagedUserFieldsFragment,
  MeDocument,
  type PasskeyFieldsFragment,
  PasskeySignalsDocument,
  type PasskeySignalsQuery,
  PasskeysDocument,
  PutRoleDocument,
  PutWebhookDocument,
  RefreshDocument,
  RegisterDocument,
  RemoveFactorDocument,
  RemovePasskeyDocument,
  RemoveRoleDocument,
  RenamePasskeyDocument,
  RenewRecoveryCodesDocument,
  ReplayDeliveriesDocument,
  ReportSignInDocument,
  RequestEmailVerificationDocument,
  RequestFactorRecoveryDocument,
  RequestPasswordResetDocument,
  ResendVerificationDocument,
  ResetPasswordDocument,
  RetryMailDocument,
  RevokeOtherSessionsDocument,
  RevokeServiceKeyDocument,
  RevokeSessionDocument,
  RolesDocument,
  type RolesQuery,
  type ServiceKeyFieldsFragment,
  ServiceKeysDocument,
  type SessionFieldsFragment,
  SessionsDocument,
  SetUserClaimsDocument,
  type SetUserClaimsMutation,
  SetUserRolesDocument,
  type SetUserRolesMutation,
  StartFactorRecoveryDocument,
  StartPasswordResetDocument,
  StepUpDocument,
  TestWebhookDocument,
  UndoEmailChangeDocument,
  UndoFactorChangeDocument,
  UpdateMeDocument,
  UserDocument,
  type UserFieldsFragment,
  type UserQuery,
  UsersDocument,
  type UsersQuery,
  VerifyEmailDocument,
  type WaitFieldsFragment,
  WebhookDeliveriesDocument,
  type WebhookDeliveriesQuery,
  type WebhookDeliveryFieldsFragment,
  type WebhookFieldsFragment,
  WebhooksDocument,
} from '../../packages/client/src/generated/operations.ts'

export type Adapter = 'REST' | 'GraphQL'
export type Transport = 'COOKIE' | 'TOKEN'

export const ADAPTERS: Adapter[] = ['REST', 'GraphQL']

/** The four ways to use a session: each adapter with each transport. */
export const WAYS = ADAPTERS.flatMap((adapter) =>
  (['COOKIE', 'TOKEN'] as const).map((transport) => ({ adapter, transport })),
)

/** How each adapter names an operation; a plain one takes its arguments directly instead of as `input`. */
export const OPERATIONS = {
  register: { rest: 'POST /auth/register', document: RegisterDocument },
  login: { rest: 'POST /auth/login', document: LoginDocument },
  completeLogin: { rest: 'POST /auth/login/complete', document: CompleteLoginDocument },
  beginTotp: { rest: 'POST /auth/factors/totp', document: BeginTotpDocument },
  confirmTotp: { rest: 'POST /auth/factors/totp/:id/confirm', document: ConfirmTotpDocument },
  factors: { rest: 'GET /auth/factors', document: FactorsDocument },
  removeFactor: { rest: 'DELETE /auth/factors/:id', document: RemoveFactorDocument, plain: true },
  renewRecoveryCodes: { rest: 'POST /auth/recovery-codes', document: RenewRecoveryCodesDocument },
  undoFactorChange: { rest: 'POST /auth/factors/undo', document: UndoFactorChangeDocument },
  requestFactorRecovery: { rest: 'POST /auth/factors/recovery', document: RequestFactorRecoveryDocument },
  stepUp: { rest: 'POST /auth/step-up', document: StepUpDocument },
  beginPasskey: { rest: 'POST /auth/passkeys/options', document: BeginPasskeyDocument },
  addPasskey: { rest: 'POST /auth/passkeys', document: AddPasskeyDocument },
  passkeys: { rest: 'GET /auth/passkeys', document: PasskeysDocument },
  renamePasskey: { rest: 'PATCH /auth/passkeys/:id', document: RenamePasskeyDocument },
  removePasskey: { rest: 'DELETE /auth/passkeys/:id', document: RemovePasskeyDocument, plain: true },
  passkeySignals: { rest: 'GET /auth/passkeys/signals', document: PasskeySignalsDocument },
  beginPasskeyLogin: { rest: 'POST /auth/login/passkey/options', document: BeginPasskeyLoginDocument },
  loginWithPasskey: { rest: 'POST /auth/login/passkey', document: LoginWithPasskeyDocument },
  refresh: { rest: 'POST /auth/refresh', document: RefreshDocument },
  logout: { rest: 'POST /auth/logout', document: LogoutDocument },
  me: { rest: 'GET /auth/me', document: MeDocument },
  updateMe: { rest: 'PUT /auth/me', document: UpdateMeDocument },
  exportMe: { rest: 'GET /auth/me/export', document: ExportMeDocument },
  deleteMe: { rest: 'DELETE /auth/me', document: DeleteMeDocument },
  changePassword: { rest: 'PUT /auth/password', document: ChangePasswordDocument },
  requestPasswordReset: { rest: 'POST /auth/password-reset', document: RequestPasswordResetDocument },
  resetPassword: { rest: 'POST /auth/password-reset/confirm', document: ResetPasswordDocument },
  requestEmailVerification: {
    rest: 'POST /auth/email-verification',
    document: RequestEmailVerificationDocument,
  },
  verifyEmail: { rest: 'POST /auth/email-verification/confirm', document: VerifyEmailDocument },
  undoEmailChange: { rest: 'POST /auth/email-change/undo', document: UndoEmailChangeDocument },
  cancelEmailChange: { rest: 'POST /auth/email-change/cancel', document: CancelEmailChangeDocument },
  reportSignIn: { rest: 'POST /auth/sign-in-reports', document: ReportSignInDocument },
  sessions: { rest: 'GET /auth/sessions', document: SessionsDocument },
  revokeSession: { rest: 'DELETE /auth/sessions/:id', document: RevokeSessionDocument, plain: true },
  revokeOtherSessions: { rest: 'DELETE /auth/sessions', document: RevokeOtherSessionsDocument },
  events: { rest: 'GET /auth/events', document: EventsDocument, plain: true },
  roles: { rest: 'GET /auth/admin/roles', document: RolesDocument },
  putRole: { rest: 'PUT /auth/admin/roles/:name', document: PutRoleDocument },
  removeRole: { rest: 'DELETE /auth/admin/roles/:name', document: RemoveRoleDocument, plain: true },
  serviceKeys: { rest: 'GET /auth/admin/service-keys', document: ServiceKeysDocument },
  createServiceKey: { rest: 'POST /auth/admin/service-keys', document: CreateServiceKeyDocument },
  revokeServiceKey: {
    rest: 'DELETE /auth/admin/service-keys/:id',
    document: RevokeServiceKeyDocument,
    plain: true,
  },
  createUser: { rest: 'POST /auth/admin/users', document: CreateUserDocument },
  inviteUser: { rest: 'POST /auth/admin/invitations', document: InviteUserDocument },
  acceptInvitation: { rest: 'POST /auth/invitations/accept', document: AcceptInvitationDocument },
  startPasswordReset: {
    rest: 'POST /auth/admin/users/:id/password-reset',
    document: StartPasswordResetDocument,
    plain: true,
  },
  startFactorRecovery: {
    rest: 'POST /auth/admin/users/:id/factor-recovery',
    document: StartFactorRecoveryDocument,
    plain: true,
  },
  resendVerification: {
    rest: 'POST /auth/admin/users/:id/email-verification',
    document: ResendVerificationDocument,
    plain: true,
  },
  loginWaits: { rest: 'GET /auth/admin/users/:id/waits', document: LoginWaitsDocument, plain: true },
  clearLoginWaits: {
    rest: 'DELETE /auth/admin/users/:id/waits',
    document: ClearLoginWaitsDocument,
    plain: true,
  },
  auditEvents: { rest: 'GET /auth/admin/events', document: AuditEventsDocument, plain: true },
  mails: { rest: 'GET /auth/admin/mails', document: MailsDocument, plain: true },
  retryMail: { rest: 'POST /auth/admin/mails/:id/retry', document: RetryMailDocument, plain: true },
  webhooks: { rest: 'GET /auth/admin/webhooks', document: WebhooksDocument },
  putWebhook: { rest: 'POST /auth/admin/webhooks', document: PutWebhookDocument },
  deleteWebhook: { rest: 'DELETE /auth/admin/webhooks/:id', document: DeleteWebhookDocument, plain: true },
  testWebhook: { rest: 'POST /auth/admin/webhooks/:id/test', document: TestWebhookDocument, plain: true },
  webhookDeliveries: {
    rest: 'GET /auth/admin/webhooks/deliveries',
    document: WebhookDeliveriesDocument,
    plain: true,
  },
  replayDeliveries: {
    rest: 'POST /auth/admin/webhooks/:webhookId/replay',
    document: ReplayDeliveriesDocument,
  },
  users: { rest: 'GET /auth/admin/users', document: UsersDocument, plain: true },
  user: { rest: 'GET /auth/admin/users/:id', document: UserDocument, plain: true },
  setUserRoles: { rest: 'PUT /auth/admin/users/:id/roles', document: SetUserRolesDocument },
  setUserClaims: { rest: 'PUT /auth/admin/users/:id/claims', document: SetUserClaimsDocument },
  disableUser: { rest: 'POST /auth/admin/users/:id/disable', document: DisableUserDocument, plain: true },
  enableUser: { rest: 'POST /auth/admin/users/:id/enable', document: EnableUserDocument, plain: true },
  endUserSessions: {
    rest: 'DELETE /auth/admin/users/:id/sessions',
    document: EndUserSessionsDocument,
    plain: true,
  },
  deleteUser: { rest: 'DELETE /auth/admin/users/:id', document: DeleteUserDocument, plain: true },
} as const satisfies Record<string, { rest: string; document: { toString(): string }; plain?: true }>

export type Operation = keyof typeof OPERATIONS
type Grant = {
  user: UserFieldsFragment
  session: SessionFieldsFragment
  accessToken: string
  accessTokenExpiresAt: string
  refreshToken: string | null
}
type Results = {
  register: Grant
  login: Grant
  completeLogin: Grant
  beginTotp: BeginTotpMutation['beginTotp']
  confirmTotp: ConfirmTotpMutation['confirmTotp']
  factors: FactorsQuery['factors']
  removeFactor: true
  renewRecoveryCodes: ConfirmTotpMutation['confirmTotp']
  undoFactorChange: true
  stepUp: Grant
  requestFactorRecovery: { endsAt: string }
  beginPasskey: CeremonyFieldsFragment
  addPasskey: PasskeyFieldsFragment
  passkeys: PasskeyFieldsFragment[]
  renamePasskey: PasskeyFieldsFragment
  removePasskey: true
  passkeySignals: PasskeySignalsQuery['passkeySignals']
  beginPasskeyLogin: CeremonyFieldsFragment
  loginWithPasskey: Grant
  refresh: Grant
  logout: true
  me: UserFieldsFragment | null
  updateMe: UserFieldsFragment
  exportMe: Record<string, unknown>
  deleteMe: true
  changePassword: Grant
  requestPasswordReset: true
  resetPassword: true
  requestEmailVerification: true
  verifyEmail: true
  undoEmailChange: true
  cancelEmailChange: true
  reportSignIn: true
  sessions: SessionFieldsFragment[]
  revokeSession: true
  revokeOtherSessions: number
  events: EventsQuery['events']
  roles: RolesQuery['roles']
  putRole: RolesQuery['roles'][number]
  removeRole: true
  serviceKeys: ServiceKeyFieldsFragment[]
  createServiceKey: { key: string; serviceKey: ServiceKeyFieldsFragment }
  revokeServiceKey: true
  createUser: ManagedUserFieldsFragment
  inviteUser: ManagedUserFieldsFragment
  acceptInvitation: true
  startPasswordReset: true
  startFactorRecovery: { endsAt: string }
  resendVerification: true
  loginWaits: WaitFieldsFragment[]
  clearLoginWaits: number
  auditEvents: AuditEventsQuery['auditEvents']
  mails: MailsQuery['mails']
  retryMail: MailFieldsFragment
  webhooks: WebhookFieldsFragment[]
  putWebhook: { webhook: WebhookFieldsFragment; secret: string | null }
  deleteWebhook: true
  testWebhook: WebhookDeliveryFieldsFragment
  webhookDeliveries: WebhookDeliveriesQuery['webhookDeliveries']
  replayDeliveries: { count: number; next: string | null }
  users: UsersQuery['users']
  user: UserQuery['user']
  setUserRoles: SetUserRolesMutation['setUserRoles']
  setUserClaims: SetUserClaimsMutation['setUserClaims']
  disableUser: ManagedUserFieldsFragment
  enableUser: ManagedUserFieldsFragment
  endUserSessions: number
  deleteUser: true
}

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
    const bearer =
      credentials.bearer === undefined && transport === 'TOKEN' ? kept.accessToken : credentials.bearer
    const headers = {
      ...(cookie && { cookie }),
      ...(address && { 'x-forwarded-for': address }),
      ...(bearer != null && { authorization: `Bearer ${bearer}` }),
      ...credentials.headers,
    }
    const { rest, document, plain }: { rest: string; document: { toString(): string }; plain?: true } =
      OPERATIONS[name]
    const answer = await (adapter === 'REST'
      ? viaRest<Results[Name]>(fetch, ...placed(rest, input, plain), headers)
      : viaGraphQL<Results[Name]>(fetch, name, String(document), plain ? input : { input }, headers))
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
function placed(rest: string, input: unknown, plain?: true): [route: string, body: unknown] {
  if (plain) return [inUrl(rest, input), undefined]
  const [, parameter] = /:(\w+)/.exec(rest) ?? []
  if (!parameter) return [rest, input]
  const { [parameter]: value, ...body } = input as Record<string, unknown>
  return [rest.replace(`:${parameter}`, encodeURIComponent(String(value))), body]
}

/** Puts arguments where REST has them: the id in the path, the others in the query. */
function inUrl(route: string, given: unknown) {
  const [, parameter = ''] = /:(\w+)/.exec(route) ?? []
  const { [parameter]: value, ...rest } = (given ?? {}) as Record<string, unknown>
  const query = new URLSearchParams(
    Object.entries(rest).flatMap(([name, one]) => (one === undefined ? [] : [[name, String(one)]])),
  )
  return (
    route.replace(`:${parameter}`, encodeURIComponent(String(value))) + (query.size > 0 ? `?${query}` : '')
  )
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
