import { describeError, type ServauthError } from '@servauth/client'

export function find<T extends HTMLElement>(selector: string) {
  const found = document.querySelector<T>(selector)
  if (!found) throw new TypeError(`The page has no ${selector}`)
  return found
}

/** A labelled input, with a place for the error of this field. */
export const field = (name: string, label: string, attributes: string) => `
  <label for="${name}">${label}</label>
  <input id="${name}" name="${name}" ${attributes} required aria-describedby="${name}-error">
  <small id="${name}-error"></small>`

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
  find(`#${input.name}-error`).textContent = message
}

export function explainError(fault: unknown) {
  // For a browser, no answer and an answer that CORS forbids to read are the same error.
  if (fault instanceof TypeError)
    return 'No answer. Are both servers running, and is this origin in ALLOWED_ORIGINS?'
  const message = fault instanceof Error ? fault.message : String(fault)
  return describeError({ message, ...detailsOf(fault) })
}

/** What Servauth adds to an error: by REST, or as the extensions of an error of Apollo Client or urql. */
function detailsOf(fault: unknown): Pick<ServauthError, 'fields' | 'retryAfter'> {
  const { fields, retryAfter, errors, graphQLErrors } = Object(fault)
  return (errors ?? graphQLErrors)?.[0]?.extensions ?? { fields, retryAfter }
}
