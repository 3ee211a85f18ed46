import { gql, type TypedDocumentNode } from '@apollo/client'
import { createApolloClient } from '@servauth/apollo'
import { createSession } from '@servauth/client'
import { FactorsDocument, PasskeysDocument } from '@servauth/client/documents'
import { type Me, type Session, startPage } from '../browser/page.ts'
import { askForProof } from '../browser/step-up.ts'

const auth = process.env.BUN_PUBLIC_AUTH_URL ?? ''
const api = process.env.BUN_PUBLIC_API_URL ?? ''

const ME: TypedDocumentNode<{ me: Me | null }> = gql`query Me { me { id email } }`
const SESSIONS: TypedDocumentNode<{ sessions: Session[] }> =
  gql`query Sessions { sessions { id current createdAt userAgent } }`
const SIGN_OUT_OTHERS = gql`mutation SignOutOthers { revokeOtherSessions }`

const session = createSession(auth, { onStepUp: (need) => askForProof(session, need) })
const client = createApolloClient(auth, session)

startPage({
  session,
  api,
  async readAccount() {
    const fetchPolicy = 'network-only'
    const [me, sessions] = await Promise.all([
      client.query({ query: ME, fetchPolicy }),
      client.query({ query: SESSIONS, fetchPolicy }),
    ])
    return { me: me.data?.me ?? null, sessions: sessions.data?.sessions ?? [] }
  },
  async readFactors() {
    const fetchPolicy = 'network-only'
    const [factors, passkeys] = await Promise.all([
      client.query({ query: FactorsDocument, fetchPolicy }),
      client.query({ query: PasskeysDocument, fetchPolicy }),
    ])
    return { factors: factors.data?.factors ?? [], passkeys: passkeys.data?.passkeys ?? [] }
  },
  signOutOthers: () => client.mutate({ mutation: SIGN_OUT_OTHERS }),
})
