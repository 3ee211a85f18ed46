import { describeError, detailsOf } from '@servauth/client'

export function find<T extends HTMLElement>(selector: string, within: ParentNode = document) {
  const found = within.querySelector<T>(selector)
  if (!found) throw new TypeError(`The page has no ${selector}`)
  return found
}

/** A labelled input, with a place for the error of this field. `id` if another form has an input of the same name. */
export const field = (name: string, label: string, attributes: string, id = name) => `
  <label for="${id}">${label}</label>
  <input id="${id}" name="${name}" ${attributes} required aria-describedby="${id}-error">
  <small id="${id}-error"></small>`

/** Runs `work` whenever the form is submitted, one at a time, and shows its error. `work` gets the name of the button. */
export function onSubmit(
  form: HTMLFormElement,
  alert: HTMLElement,
  work: (values: Record<string, string>, button: string) => Promise<unknown>,
) {
  async function submit(button: HTMLButtonElement) {
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]))
    for (const input of form.querySelectorAll('input')) markField(input, '')
    alert.textContent = ''
    button.ariaBusy = 'true'
    try {
      await work(values, button.name)
    } catch (fault) {
      showError(fault, form, alert)
    }
    button.ariaBusy = 'false'
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const button = event.submitter as HTMLButtonElement
    if (button.ariaBusy !== 'true') void submit(button)
  })
}

/** Runs `work` whenever a button outside the submission of its form is pressed, one at a time, and shows its error. */
export function onPress(button: HTMLElement, alert: HTMLElement, work: () => Promise<unknown>) {
  async function press() {
    alert.textContent = ''
    button.ariaBusy = 'true'
    try {
      await work()
    } catch (fault) {
      alert.textContent = explainError(fault)
    }
    button.ariaBusy = 'false'
  }

  button.addEventListener('click', () => {
    if (button.ariaBusy !== 'true') void press()
  })
}

/** Shows each error of a field beside its input, and moves the focus to the first. Shows all other errors in `alert`. */
function showError(fault: unknown, form: HTMLFormElement, alert: HTMLElement) {
  const { fields = [] } = detailsOf(fault)
  const inputs = fields.flatMap(({ path, message }) => {
    const input = form.querySelector<HTMLInputElement>(`[name="${CSS.escape(path)}"]`)
    if (input) markField(input, message)
    return input ? [input] : []
  })
  inputs[0]?.focus()
  if (inputs.length === 0 || inputs.length < fields.length) alert.textContent = explainError(fault)
}

function markField(input: HTMLInputElement, message: string) {
  if (message) input.ariaInvalid = 'true'
  else input.removeAttribute('aria-invalid')
  find(`#${input.id}-error`).textContent = message
}

/** What a browser says about passkeys is for developers. */
const PASSKEY_ERRORS: Record<string, string> = {
  NotAllowedError: 'No passkey was used: the request was cancelled, or took too long.',
  InvalidStateError: 'This device has a passkey of this account already.',
  SecurityError: 'Passkeys do not work at this address. See PASSKEY_RP_ID and PASSKEY_ORIGINS.',
}

export function explainError(fault: unknown) {
  // For a browser, no answer and an answer that CORS forbids to read are the same error.
  if (fault instanceof TypeError)
    return 'No answer. Are both servers running, and is this origin in ALLOWED_ORIGINS?'
  if (fault instanceof DOMException && PASSKEY_ERRORS[fault.name]) return PASSKEY_ERRORS[fault.name] ?? ''
  return fault instanceof Error ? describeError(fault) : String(fault)
}

/** Fills a list with the given items: a text, and buttons that belong to it. */
export function list(selector: string, items: { text: string; buttons?: HTMLButtonElement[] }[]) {
  find(selector).replaceChildren(
    ...items.map(({ text, buttons = [] }) => {
      const item = document.createElement('li')
      const label = document.createElement('span')
      label.textContent = text
      item.append(label, ...buttons)
      return item
    }),
  )
}

/** A button for what is done less often. `description` says more to screen readers than the visible word. */
export function createButton(text: string, description: string, onClick: () => unknown) {
  const button = document.createElement('button')
  button.className = 'quiet'
  button.textContent = text
  button.ariaLabel = description
  button.addEventListener('click', onClick)
  return button
}

export const toDay = (time: string) => new Date(time).toLocaleDateString(undefined, { dateStyle: 'medium' })
