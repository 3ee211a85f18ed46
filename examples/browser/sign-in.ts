import type { ServauthSession } from '@servauth/client'
import {
  choosePasskey,
  hasPasskeys,
  offerPasskeys,
  RequestFactorRecoveryDocument,
  ServauthError,
} from '@servauth/client'
import { openDialog } from './dialog.ts'
import { explainError, field, find, onPress, onSubmit, toDay } from './dom.ts'
import { CODE_ATTRIBUTES, toProof } from './proofs.ts'

/** The forms of `createSignIn`: address and password, and the proof of a second factor. */
export const SIGN_IN = `
  <form id="password-form" hidden>
    ${field('email', 'E-mail', 'type="email" autocomplete="username webauthn"')}
    ${field('password', 'Password', 'type="password" autocomplete="current-password"')}
    <button name="signIn">Sign in</button>
    <button type="button" id="passkey" class="quiet">Use a passkey</button>
    <button name="signUp" class="quiet">Sign up</button>
  </form>
  <form id="code-form" hidden>
    <p>This account has a second factor.</p>
    <div id="by-code">
      ${field('code', 'Code of your authenticator app, or a recovery code', CODE_ATTRIBUTES)}
      <button>Continue</button>
    </div>
    <button type="button" id="second-passkey" class="quiet">Use a passkey</button>
    <button type="button" id="lost" class="quiet">I have none of them any more</button>
    <button type="button" id="back" class="quiet">Back</button>
  </form>`

/**
 * Signs in or up: with address and password, then with a second factor if the account has one; or with a passkey alone, which
 * the browser also offers in the field of the address.
 */
export function createSignIn(session: ServauthSession, alert: HTMLElement, status: HTMLElement) {
  const passwordForm = find<HTMLFormElement>('#password-form')
  const codeForm = find<HTMLFormElement>('#code-form')
  let challenge = ''
  /** Ends what the browser offers in the field. It shows one request at a time. */
  let offer = new AbortController()

  onSubmit(passwordForm, alert, async ({ email = '', password = '' }, button) => {
    status.textContent = ''
    try {
      const credentials = { email, password }
      const grant = await (button === 'signUp' ? session.signUp(credentials) : session.signIn(credentials))
      passwordForm.reset()
      if (!grant) status.textContent = 'We sent you a mail. Follow the link in it, then sign in.'
    } catch (fault) {
      if (!(fault instanceof ServauthError && fault.challenge)) throw fault
      challenge = fault.challenge.id
      askForFactor(fault.challenge.methods)
    }
  })

  onSubmit(codeForm, alert, ({ code = '' }) =>
    beginAgainIfExpired(() => session.completeSignIn(challenge, toProof(code))),
  )

  onClick('#passkey', async () => {
    await session.signInWithPasskey(await choosePasskey(session))
  })
  onClick('#second-passkey', async () => {
    const passkey = await choosePasskey(session)
    await beginAgainIfExpired(() => session.completeSignIn(challenge, { passkey }))
  })
  onClick('#lost', startRecovery)
  onClick('#back', async () => show(true))

  function askForFactor(methods: string[]) {
    offer.abort()
    passwordForm.hidden = true
    codeForm.hidden = false
    const hasCode = methods.includes('totp') || methods.includes('recoveryCode')
    find('#by-code').hidden = !hasCode
    find('#second-passkey').hidden = !(methods.includes('passkey') && hasPasskeys())
    find(hasCode ? '#code' : '#second-passkey').focus()
  }

  /** A challenge expires after some minutes. The sign-in begins again with the password. */
  async function beginAgainIfExpired<T>(work: () => Promise<T>) {
    try {
      return await work()
    } catch (fault) {
      if (fault instanceof ServauthError && fault.code === 'INVALID_TOKEN') show(true)
      throw fault
    }
  }

  async function startRecovery() {
    let endsAt = ''
    const isStarted = await openDialog({
      title: 'Replace lost factors',
      markup: `<p>We mail you a notice now and a link in three days. With the link and your password you sign in, and all second
        factors of the account are removed.</p>
        <p>After a sign-in with a second factor, nothing is removed.</p>`,
      button: 'Send me the link',
      async work() {
        const answer = await beginAgainIfExpired(() =>
          session.request(RequestFactorRecoveryDocument, { input: { challenge } }),
        )
        endsAt = answer.requestFactorRecovery.endsAt
      },
    })
    if (!isStarted) return
    show(true)
    status.textContent = `You get the link by mail on ${toDay(endsAt)}.`
  }

  function onClick(selector: string, work: () => Promise<unknown>) {
    onPress(find(selector), alert, async () => {
      offer.abort()
      status.textContent = ''
      await work().finally(() => {
        if (!passwordForm.hidden) startOffer()
      })
    })
  }

  function startOffer() {
    offer.abort()
    offer = new AbortController()
    void offerPasskeys(session, offer.signal, (fault) => {
      alert.textContent = explainError(fault)
    })
  }

  /** Shows or hides the forms. */
  function show(isShown: boolean) {
    passwordForm.hidden = !isShown
    codeForm.hidden = true
    codeForm.reset()
    find('#passkey').hidden = !hasPasskeys()
    if (isShown) startOffer()
    else offer.abort()
  }

  return { show }
}
