import type { ForeignPasskey } from '../../../auth/import/foreign-account.ts'
import { fromBase64, pbkdf2 } from '../../../auth/passwords/hashes/notations.ts'
import { formatHash } from '../../../auth/passwords/hashes/stored-hash.ts'
import { CommandError } from '../../support/command-error.ts'
import { readJson } from '../files/json.ts'
import {
  firstTextAt,
  flagAt,
  listAt,
  objectAt,
  textAt,
  textsAt,
  timeAt,
  toTotpKey,
  toTotpKeyOfText,
  valueAt,
} from './fields.ts'
import { FieldError, openFiles, type Row } from './file-source.ts'
import { PASSKEY_KINDS, POLICY_FIELDS, toPasskey } from './keycloak-passkeys.ts'
import { type ForeignUser, NO_DETAILS, type Source } from './source.ts'

/**
 * Keycloak: the files of `kc.sh export`, a realm with its users, or `…-realm.json` and `…-users-0.json`. Files with users
 * name their realm before them. The policies of passkeys are known when all files were read once, in any order.
 */
export async function openKeycloak(files: string[]): Promise<Source> {
  const policies = new Map<string, Row>()
  let policy: Row = {}
  const take = (name: string, value: unknown) => {
    if (name !== 'realm') policy[name] = value
    else {
      policy = policies.get(String(value)) ?? {}
      policies.set(String(value), policy)
    }
  }
  const source = await openFiles({
    system: 'keycloak',
    files,
    read: (path, onBytes) => {
      policy = {}
      return readJson(path, onBytes, { fields: { names: ['realm', ...POLICY_FIELDS], take } })
    },
    toUser: (row) => toUser(row, policy),
  })
  return { ...source, keys: () => requireUsers(source.keys()) }
}

/** The file of a realm can be without users, but not all of the files. */
async function* requireUsers<Key>(keys: AsyncIterable<Key[]>): AsyncGenerator<Key[]> {
  let isEmpty = true
  for await (const batch of keys) {
    isEmpty &&= batch.length === 0
    yield batch
  }
  if (isEmpty) throw new CommandError('There are no users in these files. Name the files …-users-0.json too.')
}

/** Former passwords are kept if a policy refuses to use them again. */
const PASSWORD_TYPES = ['password', 'password-history']

type Credential = { type: string | null; secret: unknown; data: unknown }

function toUser(row: Row, policy: Row): ForeignUser | null {
  // An export of all realms is a list of them, and their users may share addresses.
  if (textAt(row, 'realm'))
    throw new FieldError('it is a whole realm. Export one realm: kc.sh export --realm <name>')
  // Accounts of clients are no users.
  if (textAt(row, 'serviceAccountClientId')) return null
  const credentials = listAt(row, 'credentials').map(readCredential)
  const password = credentials.find(({ type }) => type === 'password')
  const passkeys = listAt(row, 'credentials').filter((original) => isPasskey(textAt(original, 'type')))
  const others = credentials.filter(({ type }) => !PASSWORD_TYPES.includes(type ?? '') && !isPasskey(type))
  const totpKeys = others.flatMap((credential) => toKey(credential) ?? [])
  const social = listAt(row, 'federatedIdentities').flatMap(
    (identity) => textAt(identity, 'identityProvider') ?? [],
  )
  const names = [textAt(row, 'firstName'), textAt(row, 'lastName')].filter(Boolean).join(' ')
  return {
    ...NO_DETAILS,
    id: textAt(row, 'id') ?? textAt(row, 'username') ?? '',
    email: textAt(row, 'email') ?? '',
    emailVerified: flagAt(row, 'emailVerified'),
    name: names || textAt(row, 'username'),
    password: password ? toHash(password) : null,
    createdAt: timeAt(row, 'createdTimestamp'),
    banned: valueAt(row, 'enabled') !== undefined && !flagAt(row, 'enabled'),
    totpKeys,
    passkeys: passkeys.map((original): ForeignPasskey => {
      const { type, data } = readCredential(original)
      return toPasskey({ type, data, userId: textAt(row, 'id') ?? '', original }, policy)
    }),
    secondFactor: others.length > totpKeys.length,
    social: social.join(' ') || null,
    ...readGrants(row),
  }
}

const isPasskey = (type: string | null) => type !== null && Object.hasOwn(PASSKEY_KINDS, type)

/** `secretData` and `credentialData` are JSON in a text. Versions before 8 had their fields in the credential itself. */
function readCredential(original: unknown): Credential {
  const read = (name: string) => (valueAt(original, name) === undefined ? original : objectAt(original, name))
  return { type: textAt(original, 'type'), secret: read('secretData'), data: read('credentialData') }
}

/** Roles of the realm by their names, those of a client as `client/role`, and groups by their paths. */
function readGrants(row: Row) {
  const clients = objectAt(row, 'clientRoles')
  const clientRoles = Object.keys(clients).flatMap((client) =>
    textsAt(clients, client).map((role) => `${client}/${role}`),
  )
  const attributes = objectAt(row, 'attributes')
  const names = Object.keys(attributes).filter((name) => name !== 'locale')
  // An attribute is a list. Of most, one value is meant.
  const claims = names.map((name) => {
    const values = textsAt(attributes, name)
    return [name, values.length === 1 ? values[0] : values] as const
  })
  return {
    rolesThere: [...textsAt(row, 'realmRoles'), ...clientRoles, ...textsAt(row, 'groups')],
    claimsThere: Object.fromEntries(claims),
    locale: textsAt(attributes, 'locale')[0] ?? null,
  }
}

const PBKDF2 = { pbkdf2: 'sha1', 'pbkdf2-sha256': 'sha256', 'pbkdf2-sha512': 'sha512' } as const

/**
 * A hash of another kind is given on under the name of its kind, so that the report shows it as unknown. So is one that
 * cannot be read: its account has a password.
 */
function toHash({ secret, data }: Credential): string {
  const algorithm = textAt(data, 'algorithm') ?? ''
  const value = firstTextAt(secret, 'value', 'hashedSaltedValue') ?? ''
  const salt = fromBase64(textAt(secret, 'salt') ?? '')
  const iterations = Number(textAt(data, 'hashIterations'))
  if (Object.hasOwn(PBKDF2, algorithm)) {
    return pbkdf2(PBKDF2[algorithm as keyof typeof PBKDF2], iterations, salt, fromBase64(value))
  }
  if (algorithm === 'argon2') {
    const read = (name: string) => textsAt(data, `additionalParameters.${name}`)[0]
    const numbers = { m: Number(read('memory')), t: iterations, p: Number(read('parallelism')) }
    const version = read('version') === '1.0' ? 16 : 19
    return formatHash(`argon2${read('type')}`, { v: version, ...numbers }, salt, fromBase64(value)).replace(
      ',m=',
      '$m=',
    )
  }
  return (/^bcrypt/.test(algorithm) ? value : algorithm) || 'unknown'
}

/** The key of an authenticator app, if it has the parameters that this server uses. */
function toKey({ type, secret, data }: Credential): string | null {
  const isUsual =
    type === 'otp' &&
    textAt(data, 'subType') === 'totp' &&
    textAt(data, 'digits') === '6' &&
    textAt(data, 'period') === '30' &&
    textAt(data, 'algorithm') === 'HmacSHA1'
  const value = textAt(secret, 'value')
  if (!isUsual || value === null) return null
  return textAt(data, 'secretEncoding') === 'BASE32' ? toTotpKey(value) : toTotpKeyOfText(value)
}
