import { choosePasskey, type ServauthSession, type StepUp } from '@servauth/client'
import { openDialog } from './dialog.ts'
import { field, find, onPress } from './dom.ts'
import { CODE_ATTRIBUTES, toProof } from './proofs.ts'

const PASSWORD = field(
  'password',
  'Your password',
  'type="password" autocomplete="current-password"',
  'step-password',
)
const CODE = field('code', 'A code of your app, or a recovery code', CODE_ATTRIBUTES, 'step-code')

/**
 * Asks a signed-in user for the proof that a request needs: the password, a code or a passkey.
 * @returns whether the proof was given, so that the request is worth repeating
 */
export async function askForProof(session: ServauthSession, { methods }: StepUp): Promise<boolean> {
  const hasPasskey = methods.includes('passkey')
  const hasCode = methods.includes('totp') || methods.includes('recoveryCode')
  const hasPassword = methods.includes('password')
  // An account that must add its first factor has nothing to prove yet.
  if (!hasPasskey && !hasCode && !hasPassword) return false
  const provePasskey = async () => session.stepUp({ proof: { passkey: await choosePasskey(session) } })

  return openDialog({
    title: 'Is it you?',
    markup: `<p>You are about to change how you sign in. Prove that it is you.</p>
      ${hasPassword ? PASSWORD : hasCode ? CODE : ''}
      ${hasPasskey && hasCode ? '<button type="button" class="quiet" id="step-passkey">Use a passkey</button>' : ''}`,
    button: hasPassword || hasCode ? 'Continue' : 'Use a passkey',
    fill(dialog, close) {
      const button = dialog.querySelector<HTMLButtonElement>('#step-passkey')
      if (button) onPress(button, find('[role=alert]', dialog), () => provePasskey().then(() => close(true)))
    },
    work({ password, code }) {
      if (password !== undefined) return session.stepUp({ password })
      return code === undefined ? provePasskey() : session.stepUp({ proof: toProof(code) })
    },
  })
}
