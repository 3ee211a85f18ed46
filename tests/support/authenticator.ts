import { Secret, TOTP } from 'otpauth'
import type { Client } from './client.ts'
import type { Server } from './server.ts'

/** An authenticator app with a key. `offset` is in time steps. */
export function createAuthenticator(secret: string) {
  const totp = new TOTP({ secret: Secret.fromBase32(secret) })
  return {
    code: (offset = 0) => totp.generate({ timestamp: Date.now() + offset * 30_000 }),
    /** A code that was never right. */
    wrongCode() {
      const right = [-2, -1, 0, 1, 2].map((offset) => this.code(offset))
      return (
        ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !right.includes(code)) ??
        ''
      )
    },
  }
}

/** Adds an authenticator app to the account of a signed-in client. */
export async function enrollTotp(client: Client) {
  const begun = await client.beginTotp()
  if (!begun.data) throw new Error(`The enrolment was answered with ${begun.code}`)
  const { id, secret } = begun.data
  const authenticator = createAuthenticator(secret)
  const code = authenticator.code(-1)
  const first = await client.confirmTotp(id, code)
  // If the next step has begun meanwhile, the code was too old.
  const isLate = !first.data && code !== authenticator.code(-1)
  const confirmed = isLate ? await client.confirmTotp(id, authenticator.code(-1)) : first
  if (!confirmed.data) throw new Error(`The first code was answered with ${confirmed.code}`)
  return { authenticator, recoveryCodes: confirmed.data.codes ?? [] }
}

/** A new user with an authenticator app, whose next code is not used yet. */
export async function registerWithTotp(
  server: Pick<Server, 'registerUser'>,
  ...how: Parameters<Server['registerUser']>
) {
  const person = await server.registerUser(...how)
  return { ...person, ...(await enrollTotp(person.client)) }
}

/** Lets the accounts take codes of the present again, as if they had used theirs long ago. */
export async function forgetUsedCodes({ sql }: Pick<Server, 'sql'>) {
  await sql`update factors set last_step = last_step - 100`
}

/** Lets time pass since the proofs of a session, or of all sessions of a user. */
export const ageProofs = ({ sql }: Pick<Server, 'sql'>, id: string, minutes: number) => sql`
  update sessions set authenticated_at = authenticated_at - ${`${minutes} minutes`}::interval,
    factor_at = factor_at - ${`${minutes} minutes`}::interval where ${id}::uuid in (id, user_id)`
