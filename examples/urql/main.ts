import { createSession } from '@servauth/client'
import { createUrqlClient } from '@servauth/urql'
import { gql, type OperationResult } from '@urql/core'
import { type Me, type Session, startPage } from '../browser/page.ts'

const auth = process.env.BUN_PUBLIC_AUTH_URL ?? ''
const api = process.env.BUN_PUBLIC_API_URL ?? ''

const ME = gql<{ me: Me | null }>`query Me { me { id email } }`
const SESSIONS = gql<{ sessions: Session[] }>`query Sessions { sessions { id current createdAt userAgent } }`
const SIGN_OUT_OTHERS = gql`mutation SignOutOthers { revokeOtherSessions }`

const session = createSession(auth)
const client = createUrqlClient(auth, session)

startPage({
  session,
  api,
  async readAccount() {
    const [{ me }, { sessions }] = await Promise.all([
      client.query(ME, {}).then(orThrow),
      client.query(SESSIONS, {}).then(orThrow),
    ])
    return { me, sessions }
  },
  signOutOthers: async () => orThrow(await client.mutation(SIGN_OUT_OTHERS, {})),
})

/** urql returns errors, but the page expects them to be thrown. */
function orThrow<T>({ data, error }: OperationResult<T>) {
  if (error || !data) throw error ?? new Error('The answer has no data.')
  return data
}
