import {
  addPasskey,
  BeginTotpDocument,
  ConfirmTotpDocument,
  type FactorsQuery,
  hasPasskeys,
  type PasskeysQuery,
  RemoveFactorDocument,
  RenamePasskeyDocument,
  RenewRecoveryCodesDocument,
  removePasskey,
  type ServauthSession,
} from '@servauth/client'
import encodeQR from 'qr'
import { openDialog } from './dialog.ts'
import { createButton, field, find, list, onPress, toDay } from './dom.ts'
import { CODE_ATTRIBUTES } from './proofs.ts'

export type Factors = FactorsQuery & PasskeysQuery

type Parts = {
  session: ServauthSession
  /** Runs an action and shows its error on the page. */
  run: (work: () => Promise<unknown>) => Promise<void>
  /** Reads the account again. */
  reload: () => Promise<unknown>
}

export const FACTORS = `
  <h2>How you sign in</h2>
  <p id="factor-advice">Add a passkey or an authenticator app, and a stolen password opens nothing.</p>
  <h3>Passkeys</h3> <ul id="passkeys"></ul>
  <button id="add-passkey">Add a passkey</button>
  <h3>Authenticator apps</h3> <ul id="apps"></ul>
  <button id="add-app">Add an authenticator app</button>
  <button id="renew-codes" class="quiet" hidden>Get new recovery codes</button>`

const PASSKEY_NAME = field('name', 'Name', 'maxlength="100" autocomplete="off"', 'passkey-name')

/** Lists, adds, renames and removes the passkeys and authenticator apps of the account. */
export function createFactors({ session, run, reload }: Parts) {
  click('#add-passkey', async () => {
    const isAdded = await openDialog({
      title: 'Add a passkey',
      markup: `<p>You sign in with the lock of a device, without a password. Name the passkey, so that you find it in the list.</p>
        ${PASSKEY_NAME}`,
      button: 'Create the passkey',
      fill: (dialog) => setValue(dialog, guessDeviceName()),
      work: ({ name = '' }) => addPasskey(session, name),
    })
    if (!isAdded) return
    await reload()
    // A lost device must not lock its owner out.
    if (find('#passkeys').childElementCount === 1 && find('#apps').childElementCount === 0) await renewCodes()
  })
  click('#add-app', addApp)
  click('#renew-codes', renewCodes)
  find('#add-passkey').hidden = !hasPasskeys()

  async function addApp() {
    const { beginTotp } = await session.request(BeginTotpDocument)
    const shown: string[] = []
    const isAdded = await openDialog({
      title: 'Add an authenticator app',
      markup: `<p>Scan this with the app, or type the key into it.</p>
        <figure><div id="qr"></div><figcaption><code id="key"></code></figcaption></figure>
        ${field('code', 'The six digits that the app shows', `${CODE_ATTRIBUTES} inputmode="numeric"`, 'app-code')}`,
      button: 'Add the app',
      isRead: true,
      fill(dialog) {
        // Drawn here: no other service may see the key.
        const image = find('#qr', dialog)
        image.innerHTML = encodeQR(beginTotp.uri, 'svg')
        image.role = 'img'
        image.ariaLabel = 'QR code with the key'
        find('#key', dialog).textContent = beginTotp.secret.replace(/.{4}(?!$)/g, '$& ')
      },
      async work({ code = '' }) {
        const input = { id: beginTotp.id, code }
        // Null if the account has codes already.
        const { codes } = (await session.request(ConfirmTotpDocument, { input })).confirmTotp
        shown.push(...(codes ?? []))
      },
    })
    if (shown.length > 0) await showCodes(shown)
    if (isAdded) await reload()
  }

  async function renewCodes() {
    const { codes } = (await session.request(RenewRecoveryCodesDocument)).renewRecoveryCodes
    if (codes) await showCodes(codes)
    await reload()
  }

  const remove = (name: string, work: () => Promise<unknown>) =>
    run(async () => {
      const isRemoved = await openDialog({
        title: 'Remove it?',
        markup: '<p><strong></strong> signs you in no more. All other sessions end.</p>',
        button: 'Remove',
        fill: (dialog) => {
          find('strong', dialog).textContent = name
        },
        work,
      })
      if (isRemoved) await reload()
    })

  const rename = (id: string, present: string) =>
    run(async () => {
      const isRenamed = await openDialog({
        title: 'Rename the passkey',
        markup: PASSKEY_NAME,
        button: 'Save',
        fill: (dialog) => setValue(dialog, present),
        work: ({ name = '' }) => session.request(RenamePasskeyDocument, { input: { id, name } }),
      })
      if (isRenamed) await reload()
    })

  /** Shows the factors of the account. */
  return function show({ factors, passkeys }: Factors) {
    const apps = factors.filter(({ kind }) => kind === 'TOTP')
    list(
      '#passkeys',
      passkeys.map(({ id, name, isSynced, ...times }) => {
        const title = name ?? 'Passkey'
        const text = `${title}${isSynced ? ', on all your devices' : ''}, ${describe(times)}`
        const buttons = [
          createButton('Rename', `Rename ${title}`, () => rename(id, title)),
          createButton('Remove', `Remove ${title}`, () => remove(title, () => removePasskey(session, id))),
        ]
        return { text, buttons }
      }),
    )
    list(
      '#apps',
      apps.map(({ id, ...times }) => {
        const title = 'Authenticator app'
        const work = () => session.request(RemoveFactorDocument, { id })
        const button = createButton('Remove', `Remove the app, ${describe(times)}`, () => remove(title, work))
        return { text: `${title}, ${describe(times)}`, buttons: [button] }
      }),
    )
    find('#factor-advice').hidden = factors.length > 0
    find('#renew-codes').hidden = factors.length === 0
  }

  function click(selector: string, work: () => Promise<unknown>) {
    find(selector).addEventListener('click', () => void run(work))
  }
}

/** Recovery codes are shown this once. */
function showCodes(codes: string[]) {
  return openDialog({
    title: 'Your recovery codes',
    markup: `<p>Each signs you in once, when you have no device with you. Keep them in a safe place: this page cannot show them again.</p>
      <ul id="codes"></ul>
      <button type="button" class="quiet" id="copy">Copy them</button>`,
    button: 'I have saved them',
    isRead: true,
    isNotice: true,
    fill(dialog) {
      list(
        '#codes',
        codes.map((text) => ({ text })),
      )
      const copy = find('#copy', dialog)
      onPress(copy, find('[role=alert]', dialog), async () => {
        await navigator.clipboard.writeText(codes.join('\n'))
        copy.textContent = 'Copied'
      })
    },
  })
}

const describe = ({ createdAt, lastUsedAt }: { createdAt: string; lastUsedAt: string | null }) =>
  `since ${toDay(createdAt)}${lastUsedAt ? `, last used ${toDay(lastUsedAt)}` : ''}`

const setValue = (dialog: HTMLDialogElement, text: string) => {
  find<HTMLInputElement>('input', dialog).value = text
}

/** A first name for a passkey, which its user can change. */
function guessDeviceName() {
  const [device] = /iPhone|iPad|Android|Macintosh|Windows|Linux/.exec(navigator.userAgent) ?? []
  return device === 'Macintosh' ? 'Mac' : (device ?? 'This device')
}
