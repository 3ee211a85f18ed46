import type { AuthCore } from '../../auth/core.ts'
import { DatabaseFault } from '../../db/database-fault.ts'
import { bad, good, note } from './verdict.ts'

const MAX_KEY_AGE_DAYS = 365

const DAY_MS = 86_400_000

/** A database without a key and without users is new: the first server creates the key. */
export const NO_KEY_YET = note('there is none yet', 'Start the server once: it creates one.')

/** Checks that there is a signing key and that `AUTH_SECRET` decrypts it. */
export async function checkKeys({ keys, operator }: Pick<AuthCore, 'keys' | 'operator'>) {
  const list = await keys.list()
  const current = list.find(({ signs }) => signs)
  if (!current) {
    const { edges } = await operator.users({ first: 1, count: false })
    return edges.length === 0
      ? NO_KEY_YET
      : bad('there is no signing key', 'Start the server once: it creates one.')
  }
  try {
    await keys.check()
  } catch (fault) {
    // Our own fault says what to do. An error of a library may contain secrets.
    const advice = fault instanceof DatabaseFault ? fault.message : 'Look at the row in the table jwks.'
    return bad('the signing key cannot be used', advice)
  }
  const days = Math.floor((current.now.getTime() - current.key.createdAt.getTime()) / DAY_MS)
  const next = list.find(({ signsFrom, now }) => signsFrom > now)
  const summary =
    `AUTH_SECRET decrypts the signing key, created ${days === 0 ? 'today' : `${days} days ago`}` +
    (next ? `; the next key signs from ${next.signsFrom.toISOString().slice(0, 16)}Z` : '')
  return days > MAX_KEY_AGE_DAYS && !next ? note(summary, 'Replace it: servauth keys rotate.') : good(summary)
}

/** Checks that `AUTH_SECRET` decrypts the keys of authenticator apps and the secrets of webhooks. */
export function checkSecrets({ apps, webhooks }: Awaited<ReturnType<AuthCore['countLostSecrets']>>) {
  if (apps + webhooks === 0)
    return good('AUTH_SECRET decrypts the keys of authenticator apps and the secrets of webhooks')
  return note(
    `AUTH_SECRET does not decrypt the keys of authenticator apps (${apps}) and the secrets of webhooks (${webhooks})`,
    'If you still have the secret before, set it as AUTH_SECRET_PREVIOUS and restart. Otherwise see operations.md, "The secret".',
  )
}
