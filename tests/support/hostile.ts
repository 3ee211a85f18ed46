import fc from 'fast-check'
import type { Operation } from './client.ts'

/** The value of every secret field: in GraphQL a valid name and string, and its digits a number. No answer may repeat it. */
export const SECRET = 'open_sesame_4711471147'
export const SECRET_DIGITS = '4711471147'

const ODD_CHARACTERS = [
  ...['\0', '\n', '\r\n', '\t', '\x1b', '\x7f', '\x85', '\u2028', '\ufeff', '\ufffe'],
  ...[
    '\u202e',
    '\u2066',
    '\u200f',
    '\u200b',
    '\u00ad',
    'e\u0301',
    '\u212a',
    'ﷺ',
    'ａ',
    '𝕬',
    '👩‍👩‍👧',
    '\u{10ffff}',
  ],
  ...['\ud800', '\udfff', '"', "'", '\\', '%', '%00', '{', '}', '$', '<', '@', '.', ' '],
]

const character = fc.oneof(
  fc.constantFrom(...ODD_CHARACTERS),
  // `unit: 'binary'` would first build a map of all of them, in a second and 150 MB.
  fc.integer({ min: 0, max: 0x10ffff }).map((point) => String.fromCodePoint(point)),
  fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
)

/** Strings around every limit, and of characters with a meaning in some language or protocol. */
export const text = fc.oneof(
  fc.string({ unit: character, maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc
    .tuple(fc.constantFrom('a', 'ﷺ', '😀', '\u0301', ' '), fc.constantFrom(100, 128, 254, 512, 1024, 4000))
    .chain(([one, limit]) => fc.constantFrom(one.repeat(limit), one.repeat(limit + 1))),
  fc.constantFrom('', '__proto__', 'constructor', 'null', 'undefined', 'NaN', '-1', '1e400', '0x10'),
)

const nested = (depth: number) =>
  JSON.parse(`${'[{"a":'.repeat(depth)}0${'}]'.repeat(depth)}`) as fc.JsonValue

export const value: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.jsonValue(),
  fc.array(text, { maxLength: 3 }),
  fc.dictionary(text, fc.jsonValue(), { maxKeys: 3 }),
  fc.constantFrom(null, true, 0, -0, 1.5, 2 ** 31, 2 ** 53, -1e308, nested(500)),
)

/** Such values with the secret inside. */
const secretValue: fc.Arbitrary<unknown> = fc.oneof(
  text.map((each) => each + SECRET),
  text.map((each) => SECRET + each),
  text.map((each) => [each, SECRET]),
  fc.tuple(text, text).map(([key, each]) => ({ [key]: `${SECRET}${each}` })),
  fc.constantFrom(null, Number(SECRET_DIGITS), [[SECRET]], { 'at "a.': Number(SECRET_DIGITS) }),
)

const email = fc.uuid().map((id) => `${id}@example.com`)
const secret = fc.constant(SECRET)
const transport = fc.constantFrom('COOKIE', 'TOKEN')
const response = fc.constant({ id: SECRET, rawId: SECRET, type: 'public-key', response: {} })

/** Valid fields for each operation. */
const FIELDS: Record<Operation, Record<string, fc.Arbitrary<unknown>>> = {
  register: { email, password: secret, username: fc.constant('Ada'), transport },
  login: { email, password: secret, transport },
  completeLogin: { challenge: secret, proof: fc.record({ recoveryCode: secret }) },
  beginTotp: {},
  confirmTotp: { id: fc.uuid(), code: fc.constant('123456') },
  factors: {},
  removeFactor: { id: fc.uuid() },
  renewRecoveryCodes: {},
  undoFactorChange: { token: secret },
  requestFactorRecovery: { challenge: secret },
  stepUp: { password: secret, proof: fc.record({ recoveryCode: secret }) },
  beginPasskey: {},
  addPasskey: { ceremony: secret, response, name: fc.constant('A device') },
  passkeys: {},
  renamePasskey: { id: fc.uuid(), name: fc.constant('A device') },
  removePasskey: { id: fc.uuid() },
  passkeySignals: {},
  beginPasskeyLogin: {},
  loginWithPasskey: { ceremony: secret, response, transport },
  refresh: { refreshToken: secret },
  logout: { refreshToken: secret },
  me: {},
  updateMe: { username: fc.constant('Ada'), email, currentPassword: secret },
  exportMe: {},
  deleteMe: { password: secret },
  changePassword: { currentPassword: secret, newPassword: secret },
  requestPasswordReset: { email },
  resetPassword: { token: secret, newPassword: secret },
  requestEmailVerification: { email },
  verifyEmail: { token: secret },
  undoEmailChange: { token: secret },
  cancelEmailChange: { token: secret },
  reportSignIn: { token: secret },
  sessions: {},
  revokeSession: { id: fc.uuid() },
  revokeOtherSessions: {},
  events: { first: fc.integer({ min: 1, max: 100 }) },
  roles: {},
  putRole: { name: fc.constant('support'), permissions: fc.constant(['users:read']) },
  removeRole: { name: fc.constant('support') },
  serviceKeys: {},
  createServiceKey: {
    name: fc.constant('orders'),
    scopes: fc.constant(['revocations:read']),
    expiresAt: fc.constant('2099-12-31T00:00:00Z'),
  },
  revokeServiceKey: { id: fc.uuid() },
  users: { first: fc.integer({ min: 1, max: 100 }), search: fc.constant('ada') },
  user: { id: fc.uuid() },
  setUserRoles: { id: fc.uuid(), roles: fc.constant(['support']) },
  setUserClaims: { id: fc.uuid(), claims: fc.constant({ plan: 'pro' }) },
  disableUser: { id: fc.uuid() },
  suspendUser: { id: fc.uuid(), until: fc.constant('2099-12-31T00:00:00Z') },
  enableUser: { id: fc.uuid() },
  endUserSessions: { id: fc.uuid() },
  endUserSession: { id: fc.uuid(), sessionId: fc.uuid() },
  deleteUser: { id: fc.uuid() },
  createUser: { email, username: fc.constant('Ada'), roles: fc.constant([]) },
  inviteUser: { email, roles: fc.constant([]) },
  acceptInvitation: { token: secret, password: secret },
  startEmailChange: { id: fc.uuid(), email },
  startPasswordReset: { id: fc.uuid() },
  startFactorRecovery: { id: fc.uuid() },
  resendVerification: { id: fc.uuid() },
  loginWaits: { id: fc.uuid() },
  clearLoginWaits: { id: fc.uuid() },
  auditEvents: { first: fc.integer({ min: 1, max: 100 }) },
  mails: { first: fc.integer({ min: 1, max: 100 }) },
  retryMail: { id: fc.uuid() },
  webhooks: {},
  // An address, which needs no resolver.
  putWebhook: { url: fc.constant('https://93.184.216.34/hooks'), types: fc.constant(['user.created']) },
  deleteWebhook: { id: fc.uuid() },
  testWebhook: { id: fc.uuid() },
  webhookDeliveries: { first: fc.integer({ min: 1, max: 100 }) },
  replayDeliveries: { webhookId: fc.uuid() },
}

export const wellFormed = (operation: Operation) => fc.record(FIELDS[operation])

/** Valid but for one field, which is wrong, missing or unknown. */
export const almost = (operation: Operation) => oneFieldOff(FIELDS[operation])

export function oneFieldOff(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> {
  const names = Object.keys(fields)
  const unknownName = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'id', 'emailVerified'))
  const unknown = fc.tuple(unknownName, value)
  const wrong = names.map((name) =>
    fc.tuple(fc.constant(name), fields[name] === secret ? secretValue : value),
  )
  const missing = names.map((name) => fc.constant([name, undefined] as const))
  const fault = fc.oneof(unknown, ...wrong, ...wrong, ...missing)
  // Built from entries, because `__proto__` in a literal would not be a field.
  return fc
    .tuple(fc.record(fields), fault)
    .map(([right, wrongField]) => Object.fromEntries([...Object.entries(right), wrongField]))
}

/** Replaces a few characters of a text: a credential, a document or JSON. */
export const damage = (by: fc.Arbitrary<string>) =>
  fc
    .record({ at: fc.double({ min: 0, max: 1, noNaN: true }), dropped: fc.nat(3), inserted: by })
    .map(({ at, dropped, inserted }) => (whole: string) => {
      const start = Math.floor(at * whole.length)
      return whole.slice(0, start) + inserted + whole.slice(start + dropped)
    })

const byte = fc.oneof(
  fc.integer({ min: 0x20, max: 0x7e }),
  fc.integer({ min: 0x80, max: 0xff }),
  fc.constant(9),
)

/** Any valid header value: bytes without control characters. */
export const headerValue = fc.oneof(
  fc.string({ unit: byte.map((code) => String.fromCharCode(code)), maxLength: 40 }),
  fc.constantFrom('', 'a'.repeat(256), 'é'.repeat(256), ', ; =', '*/*'),
)

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.ipV4().map((each) => `${each}:4711`),
  fc.ipV6().map((each) => `[${each}]:4711`),
  fc.ipV4().map((each) => `::ffff:${each}`),
  fc.tuple(fc.ipV6(), fc.constantFrom('eth0', 'z'.repeat(300))).map(([each, zone]) => `${each}%${zone}`),
  headerValue,
)

/** Headers that affect a decision or are stored. */
export const HEADERS = {
  authorization: headerValue.chain((each) => fc.constantFrom(each, `Bearer ${each}`, `bearer  ${each}`)),
  cookie: headerValue.chain((each) =>
    fc.constantFrom(each, `__Host-servauth=${each}`, `a=b; __Host-servauth=${each}; __Host-servauth=c`),
  ),
  'x-forwarded-for': fc.array(address, { minLength: 1, maxLength: 3 }).map((each) => each.join(', ')),
  'user-agent': headerValue,
  'x-request-id': fc.oneof(headerValue, fc.stringMatching(/^[\w=-]{1,70}$/)),
  'content-type': fc.oneof(
    headerValue,
    headerValue.map((each) => `application/json; ${each}`),
    fc.constantFrom(
      'application/json; charset=utf-16',
      'APPLICATION/JSON',
      'multipart/form-data; boundary=x',
    ),
  ),
  accept: fc.oneof(headerValue, fc.constant('application/graphql-response+json')),
  origin: fc.oneof(
    headerValue,
    fc.constantFrom('null', 'https://auth.example.com', 'https://app.example.com'),
  ),
  'sec-fetch-site': fc.oneof(headerValue, fc.constantFrom('same-origin', 'cross-site', 'none')),
  'content-encoding': fc.oneof(headerValue, fc.constantFrom('gzip', 'identity', 'IDENTITY')),
}

/** A part of a URL: percent-encoded bytes, invalid escapes and plain characters. */
export const urlPart = fc.oneof(
  fc
    .uint8Array({ minLength: 1, maxLength: 12 })
    .map((bytes) => [...bytes].map((each) => `%${each.toString(16).padStart(2, '0')}`).join('')),
  fc.constantFrom('%', '%e0%a4%a', '%zz', '%00', '%0d%0a', '%2e%2e', '%2f', '%ff%fe', '*', ':id', '..', ''),
  fc.uuid(),
  text.map((each) => each.slice(0, 300)),
)

export const path = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'auth',
        'sessions',
        'me',
        'events',
        'login',
        'graphql',
        'health',
        '__proto__',
        'constructor',
      ),
      urlPart,
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => `/${parts.join('/')}`)

/** Literals of a GraphQL document, valid and invalid, with the secret inside. */
export const secretLiteral = fc.oneof(
  fc.constantFrom(
    `"${SECRET}"`,
    `"""${SECRET}"""`,
    SECRET,
    SECRET_DIGITS,
    `-${SECRET_DIGITS}.5`,
    `["${SECRET}", 1]`,
    `{ a: "${SECRET}" }`,
    `"${SECRET}`,
    `"${SECRET}" "${SECRET}"`,
  ),
  text.map((each) => JSON.stringify(each + SECRET)),
)
