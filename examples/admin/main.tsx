import { ApolloProvider } from '@apollo/client/react'
import { createApolloClient } from '@servauth/apollo'
import { createSession } from '@servauth/client'
import { createRoot } from 'react-dom/client'
import { find } from '../browser/dom.ts'
import { createSignIn, SIGN_IN } from '../browser/sign-in.ts'
import { askForProof } from '../browser/step-up.ts'
import { BackOffice } from './back-office.tsx'

const auth = process.env.BUN_PUBLIC_AUTH_URL ?? ''

document.body.innerHTML = `
  <header><h1>Back office</h1></header>
  <p role="alert"></p>
  <p role="status"></p>
  ${SIGN_IN}
  <main id="office"></main>`

// An operation that needs a newer proof of the second factor asks for it, and is repeated.
const session = createSession(auth, { onStepUp: (need) => askForProof(session, need) })
const client = createApolloClient(auth, session)
const signIn = createSignIn(session, find('[role=alert]'), find('[role=status]'))
const root = createRoot(find('#office'))

session.watch((userId, why) => {
  find('[role=alert]').textContent = why
  signIn.show(userId === null)
  root.render(
    userId && (
      <ApolloProvider client={client} key={userId}>
        <BackOffice signOut={() => void session.signOut()} />
      </ApolloProvider>
    ),
  )
})

// The cookie of an earlier visit may still be valid. Having no cookie is not an error.
session.renew().catch(() => {})
