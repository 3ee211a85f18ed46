import { createSession } from '@servauth/client'
import { FactorsDocument, PasskeysDocument } from '@servauth/client/documents'
import { createUrqlClient } from '@servauth/urql'
import { gql, type OperationResult } from '@urql/core'
import { type Me, type Session, startPage } from '../browser/page.ts'
import { askForProof } from '../browser/step-up.ts'

const auth = process.env.BUN_PUBLIC_AUTH_URL ?? ''
const api = process.env.BUN_PUBLIC_API_URL ?? ''

const ME = gql<{ me: Me | null }>`query Me { me { id email } }`
const SESSIONS = gql<{ sessions: Session[] }>`query Sessions { sessions { id current createdAt userAgent } }`
const SIGN_OUT_OTHERS = gql`mutation SignOutOthers { revokeOtherSessions }`

const session = createSession(auth, { onStepUp: (need) => askForProof(session, need) })
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
  async readFactors() {
    const [{ factors }, { passkeys }] = await Promise.all([
      client.query(FactorsDocument, {}).then(orThrow),
      client.query(PasskeysDocument, {}).then(orThrow),
    ])
    return { factors, passkeys }
  },
  signOutOthers: async () => orThrow(await client.mutation(SIGN_OUT_OTHERS, {})),
})

/** urql returns errors, but the page expects them to be thrown. */
function orThrow<T>({ data, error }: OperationResult<T>) {
  if (error || !data) throw error ?? new Error('The answer has no data.')
  return data
}
