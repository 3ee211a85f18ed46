import type { Client } from '../../../contract/caller.ts'
import type { SessionTransport } from '../../../contract/fields.ts'
import type { SessionColumns } from '../../../contract/outputs/session.ts'
import type { Executor } from '../../../db/client.ts'
import type { SessionRow } from '../../../db/schema/sessions.ts'
import { type UserRow, users } from '../../../db/schema/users.ts'
import { createRandomId } from '../../../db/uuid.ts'
import { AuthError } from '../../../errors.ts'
import { toEventValues } from '../../events/events.ts'
import { digest } from '../../keys/sealed-tokens.ts'
import type { ClaimedUser } from '../../keys/token-claims.ts'
import type { Outbox } from '../../mailing/outbox.ts'
import type { Observer } from '../../observer.ts'
import type { RefreshTokens } from '../../sessions/refresh-tokens.ts'
import type { Places } from '../../throttle/places.ts'
import type { OpeningRow } from './opening-statement.ts'
import { prepareStatements, type SignInProof } from './sign-in-proof.ts'

export type OpenSession = ReturnType<typeof createOpenSession>

type Parts = {
  outbox: Outbox
  places: Places
  refreshTokens: RefreshTokens
  observer?: Observer | undefined
  settings: {
    SESSION_IDLE_SECONDS: number
    SESSION_MAX_SECONDS: number
    REQUIRE_EMAIL_VERIFICATION: boolean
    SIGN_IN_MAILS: boolean
  }
}

/** The session that a client asks for. */
export type RequestedSession = {
  transport: SessionTransport
  client: Client
  /** The caller's former session, which ends. From `replaceSession`. */
  formerSessionId: string | undefined
}

type NewSession<Account> = RequestedSession & { account: Account; proof: SignInProof }

/** What the answer and the tokens say of a session. */
export type ShownSession = Pick<SessionRow, 'transport'> & SessionColumns
type ClaimColumns = Omit<ClaimedUser, 'id'>

/** Why no session was opened. The password may be the same, with another hash. */
type Unproven = 'PASSWORD_CHANGED' | 'FACTOR_MISSING'

/** `user`: the account, with the roles and claims of the moment of its lock. `deviceToken`: the device cookie of the browser. */
export type OpenedSession<Account> = {
  user: Account & ClaimColumns
  session: ShownSession
  secret: string
  deviceToken: string | null
}

/**
 * All sessions are opened by this one statement. It inserts a session only if the proof is all that the account
 * demands. It locks the account first: an earlier change of the password, the address or the state makes it fail, and
 * a later change finds the new session and ends it. It also makes the client's network and browser known to the account;
 * a sign-in from a place that is new to an account is an event and a mail.
 */
export function createOpenSession({ outbox, places, refreshTokens, observer, settings }: Parts) {
  const chooseStatement = prepareStatements({
    sessionSeconds: Math.min(settings.SESSION_IDLE_SECONDS, settings.SESSION_MAX_SECONDS),
    needsVerification: settings.REQUIRE_EMAIL_VERIFICATION,
    canMail: outbox.enabled,
    mailsSignIns: settings.SIGN_IN_MAILS && outbox.enabled,
  })

  /**
   * @returns `PASSWORD_CHANGED` if the stored hash has changed since it was read; the password may be the same.
   * `FACTOR_MISSING` if the account needs a factor and none was proven, or the proof was used up by another request
   * @throws `INVALID_CREDENTIALS` if the account is deleted, disabled or has another address; `EMAIL_NOT_VERIFIED`; for a new
   * account `EMAIL_TAKEN`, or a unique violation if the address is reserved
   */
  return async function openSession<Account extends { id: string; email: string }>(
    executor: Executor,
    { account, proof, transport, client, formerSessionId }: NewSession<Account>,
  ): Promise<OpenedSession<Account> | Unproven> {
    const operation = 'newAccount' in proof ? 'register' : 'login'
    // Only a browser with a cookie jar can come back as the same device.
    const device = transport === 'COOKIE' || client.device !== null ? places.identifyDevice(client) : null
    const id = crypto.randomUUID()
    const { lineage, token } = refreshTokens.startLineage(id)
    const { statement, values } = chooseStatement(proof)
    const execute = formerSessionId === undefined ? statement.alone : statement.endingFormer
    const [row] = await execute(executor, {
      ...toEventValues(operation, client),
      ...values,
      accountId: account.id,
      email: account.email,
      formerSessionId,
      id,
      tokenHash: digest(token),
      lineage,
      transport,
      networkPlace: places.toPlaces(client).network,
      devicePlace: device?.place ?? null,
      mailId: createRandomId(),
    })
    if (!row) throw new AuthError(operation === 'register' ? 'EMAIL_TAKEN' : 'INVALID_CREDENTIALS')
    if (!row.has_password) return 'PASSWORD_CHANGED'
    if (!row.is_verified) throw new AuthError('EMAIL_NOT_VERIFIED')
    if (row.id === null) return 'FACTOR_MISSING'
    observer?.onSessionOpened(operation)
    // The times of the session are that of the transaction, and texts, as the answer writes them.
    const now = new Date(row.opened_at).toISOString()
    return {
      user: { ...account, ...toClaimColumns(row) },
      session: {
        id,
        transport,
        createdAt: now,
        lastUsedAt: now,
        expiresAt: new Date(row.expires_at).toISOString(),
        authenticatedAt: now,
        factorAt: values.provesFactor ? now : null,
        amr: values.amr,
        ipAddress: client.ipAddress,
        userAgent: client.userAgent,
      },
      secret: token,
      deviceToken: device?.token ?? null,
    }
  }
}

function toClaimColumns({
  roles,
  claims,
  claims_changed_at,
  seconds_since_claims,
}: OpeningRow): ClaimColumns {
  return {
    roles: users.roles.mapFromDriverValue(roles) as string[],
    claims: users.claims.mapFromDriverValue(claims) as UserRow['claims'],
    claimsChangedAt:
      claims_changed_at === null
        ? null
        : (users.claimsChangedAt.mapFromDriverValue(claims_changed_at) as Date),
    secondsSinceClaims: seconds_since_claims,
  }
}
