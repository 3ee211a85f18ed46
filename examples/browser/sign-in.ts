import type { ServauthSession } from '@servauth/client'
import { ServauthError } from '@servauth/client'
import { field, find, onSubmit } from './dom.ts'

/** The forms of `createSignIn`: address and password, and the code of a second factor. */
export const SIGN_IN = `
  <form id="password-form" hidden>
    ${field('email', 'E-mail', 'type="email" autocomplete="username"')}
    ${field('password', 'Password', 'type="password" autocomplete="current-password"')}
    <button name="signIn">Sign in</button>
    <button name="signUp" class="quiet">Sign up</button>
  </form>
  <form id="code-form" hidden>
    ${field('code', 'Code of your authenticator app, or a recovery code', 'autocomplete="one-time-code"')}
    <button>Continue</button>
  </form>`

/** Signs in or up: with address and password, then with a code if the account has a second factor. */
export function createSignIn(session: ServauthSession, alert: HTMLElement) {
  const passwordForm = find<HTMLFormElement>('#password-form')
  const codeForm = find<HTMLFormElement>('#code-form')
  let challenge = ''

  onSubmit(passwordForm, alert, async ({ email = '', password = '' }, button) => {
    try {
      const credentials = { email, password }
      const grant = await (button === 'signUp' ? session.signUp(credentials) : session.signIn(credentials))
      passwordForm.reset()
      if (!grant) alert.textContent = 'We sent you a mail. Follow the link in it, then sign in.'
    } catch (fault) {
      if (!(fault instanceof ServauthError && fault.challenge)) throw fault
      challenge = fault.challenge.id
      passwordForm.hidden = true
      codeForm.hidden = false
      find('#code').focus()
    }
  })

  onSubmit(codeForm, alert, async ({ code = '' }) => {
    try {
      await session.completeSignIn(challenge, /^\d{6}$/.test(code) ? { totp: code } : { recoveryCode: code })
    } catch (fault) {
      // The challenge has expired. The sign-in begins again with the password.
      if (fault instanceof ServauthError && fault.code === 'INVALID_TOKEN') show(true)
      throw fault
    }
  })

  /** Shows or hides the forms. */
  function show(isShown: boolean) {
    passwordForm.hidden = !isShown
    codeForm.hidden = true
    codeForm.reset()
  }

  return { show }
}
