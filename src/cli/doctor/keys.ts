import type { composeService } from '../../compose.ts'
import { bad, good, note } from './verdict.ts'

const OLD_DAYS = 365

const DAY_MS = 86_400_000

/** Whether there is a key to sign with and `AUTH_SECRET` opens it. */
export async function checkKeys(keys: ReturnType<typeof composeService>['auth']['keys']) {
  const list = await keys.list()
  const current = list.find(({ signs }) => signs)
  if (!current) return bad('there is no signing key', 'Start the server once: it makes one.')
  try {
    await keys.check()
  } catch (fault) {
    // Ours says what to do; that of a library need not be fit for showing.
    const wayOut = fault instanceof TypeError ? fault.message : 'Look at the row of the table jwks.'
    return bad('the signing key cannot be used', wayOut)
  }
  const days = Math.floor((current.now.getTime() - current.key.createdAt.getTime()) / DAY_MS)
  const next = list.find(({ signsFrom, now }) => signsFrom > now)
  const says =
    `the signing key opens with AUTH_SECRET, made ${days === 0 ? 'today' : `${days} days ago`}` +
    (next ? `; the next one signs from ${next.signsFrom.toISOString().slice(0, 16)}Z` : '')
  return days > OLD_DAYS && !next ? note(says, 'Rotate it: servauth keys rotate.') : good(says)
}
