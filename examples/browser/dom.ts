import { Refusal } from '../shared/rest.ts'

export function find<T extends HTMLElement>(selector: string) {
  const found = document.querySelector<T>(selector)
  if (!found) throw new TypeError(`The page has no ${selector}`)
  return found
}

/** For a browser, no answer and an answer that CORS forbids to read are the same error. */
export function explainError(fault: unknown) {
  if (fault instanceof TypeError)
    return 'No answer. Are both servers running, and is this origin in ALLOWED_ORIGINS?'
  if (fault instanceof Refusal && fault.fields) return fault.fields.map(({ message }) => message).join(' ')
  return fault instanceof Error ? fault.message : String(fault)
}
