import { openBreachedPasswords } from '../../auth/passwords/breached/breached-passwords.ts'
import { explainError } from '../support/command-error.ts'
import { bad, good } from './verdict.ts'

/** Checks the file of breached passwords, without which the server does not start. */
export function checkBreachedPasswords(path: string) {
  try {
    openBreachedPasswords(path)
    return good('the file of breached passwords is whole')
  } catch (error) {
    return bad('the file of breached passwords cannot be used', explainError(error))
  }
}
