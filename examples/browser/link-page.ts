import type { ServauthSession } from '@servauth/client'
import { ServauthError } from '@servauth/client'
import { field, find, onSubmit } from './dom.ts'

type LinkPage = {
  title: string
  text: string
  /** The field of the new password, if the owner chooses one here. */
  setsPassword?: 'password' | 'newPassword'
  /** Whether the owner signs in here, and the token stands in for the second factor. */
  signsIn?: true
  button: string
  /** Where the token goes to. */
  operation: string
  done: string
}

/** The pages that mailed links lead to, by the last part of their path. */
const PAGES: Record<string, LinkPage> = {
  'verify-email': {
    title: 'Confirm your e-mail address',
    text: 'Do this only if you signed up, or if you changed your address.',
    button: 'Confirm',
    operation: '/auth/email-verification/confirm',
    done: 'Your address is confirmed.',
  },
  'reset-password': {
    title: 'Choose a new password',
    text: 'Every session of the account ends.',
    setsPassword: 'newPassword',
    button: 'Set the password',
    operation: '/auth/password-reset/confirm',
    done: 'Your new password is set. Sign in with it.',
  },
  'accept-invitation': {
    title: 'Choose a password for your account',
    text: 'An account was created for you. Your password opens it.',
    setsPassword: 'password',
    button: 'Set the password',
    operation: '/auth/invitations/accept',
    done: 'Your password is set. Sign in with it.',
  },
  'cancel-email-change': {
    title: 'Keep your e-mail address',
    text: 'The change of the address that was asked for is cancelled.',
    button: 'Cancel the change',
    operation: '/auth/email-change/cancel',
    done: 'The change is cancelled. If you did not ask for it, change your password now.',
  },
  'undo-email-change': {
    title: 'Take your e-mail address back',
    text: 'The account uses this address again. Every session ends, and the present password stops working.',
    setsPassword: 'newPassword',
    button: 'Take the address back',
    operation: '/auth/email-change/undo',
    done: 'Your address is back. Sign in with your new password.',
  },
  'report-sign-in': {
    title: 'Report a sign-in that was not you',
    text: 'Every session ends, and the present password stops working.',
    setsPassword: 'newPassword',
    button: 'This was not me',
    operation: '/auth/sign-in-reports',
    done: 'Every session has ended. Sign in with your new password.',
  },
  'undo-factor-change': {
    title: 'Bring your second factor back',
    text: 'A second factor of your account was removed. If that was not you, bring it back: every session ends, the present password stops working, and what was added since is removed.',
    button: 'Bring it back',
    operation: '/auth/factors/undo',
    done: 'Your second factor is back. We sent you a mail that leads to a new password.',
  },
  'recover-factor': {
    title: 'Sign in without your second factors',
    text: 'All second factors of the account are removed, and every other session ends. If you have found one of them, sign in with it instead.',
    signsIn: true,
    button: 'Remove them and sign in',
    operation: '/auth/login/complete',
    done: 'You are signed in. Add a new second factor now.',
  },
}

const newPassword = (name: string) =>
  field(name, 'New password', 'type="password" autocomplete="new-password"')

const CREDENTIALS = `
  ${field('email', 'E-mail', 'type="email" autocomplete="username"')}
  ${field('password', 'Password', 'type="password" autocomplete="current-password"')}`

/** Shown if this browser is not signed in to the account. The token stays valid. */
const PASSWORD = `
  <p>Show that the account is yours: enter its password.</p>
  ${field('password', 'Password', 'type="password" autocomplete="current-password"')}
  <p>You do not know it, or you did not sign up yourself? <a>Set a new password.</a></p>`

/** The page of a mailed link at this path, if there is one. */
export const findLinkPage = (path: string) =>
  Object.entries(PAGES).find(([name]) => path.endsWith(`/${name}`))?.[1]

/**
 * Shows the page of a mailed link. Nothing is sent before the user presses the button, because programs that scan
 * mailboxes open links too.
 */
export function startLinkPage(page: LinkPage, session: ServauthSession) {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  // Neither the history nor a bookmark keeps the token.
  history.replaceState(null, '', location.pathname)
  document.body.innerHTML = `
    <header><h1>${page.title}</h1></header>
    <p role="alert"></p>
    <form>
      <p>${page.text}</p>
      <div id="field">${page.setsPassword ? newPassword(page.setsPassword) : page.signsIn ? CREDENTIALS : ''}</div>
      <button>${page.button}</button>
    </form>
    <p role="status"></p>
    <a href="./">To your account</a>`
  const form = find<HTMLFormElement>('form')
  const alert = find('[role=alert]')
  form.hidden = token === null
  if (token === null) alert.textContent = 'The link is not complete. Open it again from the mail.'

  onSubmit(form, alert, async (values) => {
    try {
      if (page.signsIn) await signInWithToken(session, token ?? '', values)
      else await session.sendMailedToken(page.operation, { token, ...values })
      form.hidden = true
      find('[role=status]').textContent = page.done
    } catch (fault) {
      if (!(fault instanceof ServauthError && fault.code === 'REAUTHENTICATION_REQUIRED')) throw fault
      askForPassword()
    }
  })

  function askForPassword() {
    find('#field').innerHTML = PASSWORD
    find('#password').focus()
    // The link of a first verification also sets a password: a stranger may have signed up with this address.
    find<HTMLAnchorElement>('#field a').href = `./reset-password#token=${token}`
  }
}

/** Signs in with the password and, in the place of the lost factor, the token. */
async function signInWithToken(
  session: ServauthSession,
  recoveryToken: string,
  values: Record<string, string>,
) {
  const { email = '', password = '' } = values
  try {
    await session.signIn({ email, password })
  } catch (fault) {
    if (!(fault instanceof ServauthError && fault.challenge)) throw fault
    await session.completeSignIn(fault.challenge.id, { recoveryToken }).catch((refusal: unknown) => {
      const isEnded = refusal instanceof ServauthError && refusal.code === 'INVALID_CREDENTIALS'
      throw isEnded ? new Error(RECOVERY_ENDED) : refusal
    })
  }
}

const RECOVERY_ENDED =
  'The link is not valid any more, or there was a sign-in with a second factor since. Ask for another link where you sign in.'
