import { invalid } from '../errors.ts'
import { MIN_PASSWORD_CHARACTERS } from '../settings/credentials.ts'
import { isCommonPassword } from './common-passwords.ts'
import { countCharacters, Text } from './text.ts'

/**
 * A password as it is hashed: NFKC, so that the same keys give the same password on every device
 * (NIST SP 800-63B-4, section 3.1.1.2). The bounds limit the work of one attempt.
 */
export const Password = Text.min(1, 'Must not be empty.')
  .refine((value) => Buffer.byteLength(value) <= 1024, {
    error: 'Must have at most 1024 bytes.',
    abort: true,
  })
  .transform((value) => value.normalize('NFKC'))
  .refine((value) => countCharacters(value) <= 128, 'Must have at most 128 characters.')
  .meta({ format: 'password', maxLength: 128 })

const COMMON = 'Is among the passwords that are tried first. Choose another.'

const tooShort = (min: number) => `Must have at least ${min} characters.`

/** The schema holds the smallest minimum of the standard, so that all faults of an input are reported at once. */
export const NewPassword = Password.refine(
  (value) => countCharacters(value) >= MIN_PASSWORD_CHARACTERS,
  tooShort(MIN_PASSWORD_CHARACTERS),
)
  .refine((value) => !isCommonPassword(value), COMMON)
  .meta({
    description:
      'Not one of the most used passwords, not the e-mail address, and not the part of it before the @. ' +
      'The server may require more characters.',
    minLength: MIN_PASSWORD_CHARACTERS,
  })

const PERSONAL = 'Must not be the e-mail address.'

/** Whether a password is the address or the part before its `@`, in any case. */
function isPersonal(password: string, email: string) {
  const given = password.toLowerCase()
  return given === email || given === email.split('@')[0]
}

/** The check of `register`, whose input holds both the address and the password. */
export const personalPassword = {
  allows: ({ email, password }: { email: string; password: string }) => !isPersonal(password, email),
  issue: { path: ['password'], error: PERSONAL },
}

/** @throws `INVALID_INPUT` for a new password that is the user's own address. */
export function refusePersonal(newPassword: string, email: string, path = 'newPassword') {
  if (isPersonal(newPassword, email)) throw invalid(path, PERSONAL)
}

/** @throws `INVALID_INPUT` for a new password under the minimum that the operator has set. */
export function refuseShort(password: string, min: number, path: string) {
  if (countCharacters(password) < min) throw invalid(path, tooShort(min))
}

/** The refusal of a new password that the operator's file of breached passwords has: the same as for the built-in list. */
export const tooCommon = (path: string) => invalid(path, COMMON)
