import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'
import postgres, { type Sql } from 'postgres'
import { toChallengeRowId } from '../../src/auth/factors/challenges.ts'
import { createEncryption } from '../../src/auth/keys/encryption.ts'
import { digest } from '../../src/auth/keys/sealed-tokens.ts'
import { toChallenge, toUserHandle } from '../../src/auth/passkeys/relying-party.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Bench } from '../rig/bench.ts'
import { fillServauth, PASSWORD, SESSIONS_EACH, USERS } from './accounts.ts'
import { createServerCommand } from './servauth.ts'

/** As many users have no second factor. The others have an authenticator app and a passkey. */
const USERS_WITHOUT_FACTOR = USERS / 10
/** The domain of the passkeys: that of `PUBLIC_URL`. */
const RP_ID = 'localhost'
/** The time step of a code. */
const STEP_MS = 30_000
/** User present and verified. */
const VERIFIED = 0x05

type Post = (path: string, body: object) => Promise<Record<string, unknown>>
/** One sign-in, from its first request to its tokens. */
export type SignIn = (post: Post) => Promise<unknown>

let prepared: ReturnType<typeof prepare> | undefined

/** Prepares Servauth on a database whose users have second factors, once for the whole run. */
export const setUpFactors = (bench: Bench) => (prepared ??= prepare(bench))

async function prepare(bench: Bench) {
  const databaseUrl = await bench.databases.create('factors')
  await migrate({ DATABASE_URL: databaseUrl })
  const secret = randomBytes(32).toString('base64url')
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = new Secret({ size: 20 })
  const totp = new TOTP({ secret: key })
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  await fillServauth(sql, USERS, SESSIONS_EACH)
  const users = await sql<{ id: string; email: string }[]>`select id, email from users order by email`
  const plain = users.slice(0, USERS_WITHOUT_FACTOR)
  const protectedUsers = users.slice(USERS_WITHOUT_FACTOR)
  const encryption = createEncryption([secret], 'factor')
  await insertFactors(sql, protectedUsers, 'TOTP', 'secret', ({ id }) => encryption.encrypt(key.base32, id))
  await insertFactors(sql, protectedUsers, 'PASSKEY', 'credential_id', ({ id }) => toCredentialId(id))
  await sql`update factors set public_key = ${toCose(publicKey.export({ format: 'jwk' }))} where kind = 'PASSKEY'`
  const [row] = await sql`select password from users limit 1`
  const passwordDigest = digest(String(row?.password))
  await sql`vacuum analyze`

  const codes = new Map<number, string>()

  /**
   * A code that no earlier sign-in of this user has used: the second pass over the users takes the next time step. Each is
   * computed once, because the client shares its core with PostgreSQL.
   */
  function codeOf(pass: number) {
    const step = Math.floor(Date.now() / STEP_MS) + pass
    const code = codes.get(step) ?? totp.generate({ timestamp: step * STEP_MS })
    codes.set(step, code)
    return code
  }

  return {
    server: createServerCommand(databaseUrl, secret, `http://${RP_ID}:{port}`),

    /** Lets users take the codes of the present again. Only used rows change: more would start a vacuum, which takes from PostgreSQL's core. */
    forgetCodes: () => sql`update factors set last_step = null where last_step is not null`,

    byPassword(index: number): SignIn {
      const { email } = at(plain, index)
      return (post) => post('/auth/login', { email, password: PASSWORD, transport: 'TOKEN' })
    },

    byPasswordAndCode(index: number): SignIn {
      const { email } = at(protectedUsers, index)
      return async (post) => {
        const first = await post('/auth/login', { email, password: PASSWORD, transport: 'TOKEN' })
        const challenge = (first.challenge as { id: string } | undefined)?.id
        if (!challenge) return first
        const totp = codeOf(Math.floor(index / protectedUsers.length))
        return post('/auth/login/complete', { challenge, proof: { totp } })
      }
    },

    /** Begins sign-ins whose password was right, without a hash. @returns their second steps */
    async beginSignIns(count: number): Promise<SignIn[]> {
      const begun = Array.from({ length: count }, (_, index) => ({
        id: crypto.randomUUID(),
        user: at(protectedUsers, index).id,
        pass: Math.floor(index / protectedUsers.length),
      }))
      await sql`
        insert into challenges (id, user_id, purpose, transport, password_digest, expires_at)
        select *, 'SIGN_IN', 'TOKEN', ${passwordDigest}, now() + interval '5 minutes' from unnest(
          ${begun.map(({ id }) => toChallengeRowId(id))}::uuid[], ${begun.map(({ user }) => user)}::uuid[])`
      return begun.map(
        ({ id, pass }) =>
          (post) =>
            post('/auth/login/complete', { challenge: id, proof: { totp: codeOf(pass) } }),
      )
    },

    /** Begins sign-ins with a passkey, and signs what their devices answer. @returns their second steps */
    async beginPasskeyLogins(count: number, origin: string): Promise<SignIn[]> {
      const ids = Array.from({ length: count }, () => crypto.randomUUID())
      await sql`
        insert into challenges (id, purpose, expires_at)
        select *, 'PASSKEY_LOGIN', now() + interval '5 minutes' from unnest(${ids.map(toChallengeRowId)}::uuid[])`
      return ids.map((ceremony, index) => {
        const response = respond(ceremony, at(protectedUsers, index).id, origin)
        return (post) => post('/auth/login/passkey', { ceremony, response, transport: 'TOKEN' })
      })
    },

    close: () => sql.end(),
  }

  /** The answer of a device to the options of a ceremony. */
  function respond(ceremony: string, userId: string, origin: string) {
    const challenge = toChallenge(ceremony).toString('base64url')
    const clientData = Buffer.from(
      JSON.stringify({ type: 'webauthn.get', challenge, origin, crossOrigin: false }),
    )
    const authenticatorData = Buffer.concat([sha256(RP_ID), Buffer.from([VERIFIED, 0, 0, 0, 0])])
    const signature = sign('sha256', Buffer.concat([authenticatorData, sha256(clientData)]), privateKey)
    const id = toCredentialId(userId)
    const response = {
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: authenticatorData.toString('base64url'),
      signature: signature.toString('base64url'),
      userHandle: toUserHandle(userId).toString('base64url'),
    }
    return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response }
  }
}

type Users = { id: string; email: string }[]

/** The users in turn, from the first to the last and again. */
function at(users: Users, index: number) {
  return users[index % users.length] ?? { id: '', email: '' }
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest()
const toCredentialId = (userId: string) => sha256(`passkey ${userId}`).toString('base64url')

/** A public key of P-256 as COSE: a CBOR map of five members. */
function toCose({ x = '', y = '' }: JsonWebKey) {
  const head = Buffer.from('a5010203262001215820', 'hex')
  return Buffer.concat([
    head,
    Buffer.from(x, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(y, 'base64url'),
  ]).toString('base64url')
}

async function insertFactors(
  sql: Sql,
  users: Users,
  kind: 'TOTP' | 'PASSKEY',
  column: 'secret' | 'credential_id',
  toValue: (user: Users[number]) => string,
) {
  await sql`
    insert into factors (user_id, ${sql(column)}, kind)
    select *, ${kind}::factor_kind from unnest(${users.map(({ id }) => id)}::uuid[], ${users.map(toValue)}::text[])`
}
