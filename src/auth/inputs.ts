import { dictionary } from '@zxcvbn-ts/language-common'
import { z } from 'zod'
import { AuthError, type FieldFault } from '../errors.ts'

/** No NUL, no other control character and no half of a surrogate pair, anywhere. */
const Text = z.string().regex(/^[^\p{Cc}\p{Cs}]*$/u, 'Must not contain control characters.')

const characters = (value: string) => [...value].length

/** Stored and compared in one form: NFKC, trimmed, lower case. RFC 5321 section 4.5.3.1.3 sets the length. */
const Email = Text.transform((value) => value.normalize('NFKC').trim().toLowerCase()).pipe(
  z.email('Must be an e-mail address.').max(254, 'Must have at most 254 characters.'),
)

/**
 * A password as it is hashed: NFKC, so that the same keys give the same password on every
 * device (NIST SP 800-63B-4, section 3.1.1.2). The bounds keep the work of one attempt small.
 */
const Password = Text.min(1, 'Must not be empty.')
  .refine((value) => Buffer.byteLength(value) <= 1024, {
    error: 'Must have at most 1024 bytes.',
    abort: true,
  })
  .transform((value) => value.normalize('NFKC'))
  .refine((value) => characters(value) <= 128, 'Must have at most 128 characters.')

/** The passwords that are tried first, of those long enough to be taken at all (NIST SP 800-63B-4, section 3.1.1.2). */
const COMMON = new Set(dictionary['passwords-common'])

/** A longer minimum is a setting, held by `refuseShort`; a shorter one would break a rule (the same, section 3.1.1.1). */
export const LEAST_PASSWORD_LENGTH = 8

const tooShort = (least: number) => `Must have at least ${least} characters.`

const NewPassword = Password.refine(
  (value) => characters(value) >= LEAST_PASSWORD_LENGTH,
  tooShort(LEAST_PASSWORD_LENGTH),
).refine(
  (value) => !COMMON.has(value.toLowerCase()),
  'Is among the passwords that are tried first. Choose another.',
)

const PERSONAL = 'Must not be the e-mail address.'

const Username = Text.trim()
  .min(1, 'Must not be empty.')
  .refine((value) => characters(value) <= 100, 'Must have at most 100 characters.')

const Token = Text.min(1, 'Must not be empty.').max(512, 'Must have at most 512 characters.')

export const SessionTransport = z.enum(['COOKIE', 'TOKEN'])
export type SessionTransport = z.output<typeof SessionTransport>

export const RegisterInput = z
  .strictObject({
    email: Email,
    password: NewPassword,
    username: Username.nullish(),
    transport: SessionTransport.nullish(),
  })
  .refine(({ email, password }) => !isPersonal(password, email), {
    path: ['password'],
    error: PERSONAL,
  })
export type RegisterInput = z.output<typeof RegisterInput>

export const LoginInput = z.strictObject({
  email: Email,
  password: Password,
  transport: SessionTransport.nullish(),
})
export type LoginInput = z.output<typeof LoginInput>

export const RefreshInput = z.strictObject({ refreshToken: Token.nullish() })
export type RefreshInput = z.output<typeof RefreshInput>

export const LogoutInput = z.strictObject({ refreshToken: Token.nullish() })
export type LogoutInput = z.output<typeof LogoutInput>

/** A field that is left out stays as it is; a null username is cleared. */
export const UpdateMeInput = z.strictObject({
  username: Username.nullish(),
  email: Email.nullish(),
  currentPassword: Password.nullish(),
})
export type UpdateMeInput = z.output<typeof UpdateMeInput>

export const DeleteMeInput = z.strictObject({ password: Password.nullish() })
export type DeleteMeInput = z.output<typeof DeleteMeInput>

export const ChangePasswordInput = z.strictObject({ currentPassword: Password, newPassword: NewPassword })
export type ChangePasswordInput = z.output<typeof ChangePasswordInput>

export const RequestPasswordResetInput = z.strictObject({ email: Email })
export type RequestPasswordResetInput = z.output<typeof RequestPasswordResetInput>

export const ResetPasswordInput = z.strictObject({ token: Token, newPassword: NewPassword })
export type ResetPasswordInput = z.output<typeof ResetPasswordInput>

export const RequestEmailVerificationInput = z.strictObject({ email: Email })
export type RequestEmailVerificationInput = z.output<typeof RequestEmailVerificationInput>

export const VerifyEmailInput = z.strictObject({ token: Token })
export type VerifyEmailInput = z.output<typeof VerifyEmailInput>

export const UndoEmailChangeInput = z.strictObject({ token: Token })
export type UndoEmailChangeInput = z.output<typeof UndoEmailChangeInput>

export const EventsInput = z.strictObject({ first: z.coerce.number().int().min(1).max(100).default(20) })
export type EventsInput = z.output<typeof EventsInput>

/** An account by its address, as whoever runs the server names it. */
export const AccountInput = z.strictObject({ email: Email })
export type AccountInput = z.output<typeof AccountInput>

/** The id of one of the caller's sessions; what is no id at all names none of them. */
export const SessionId = z.uuid()

/** Whether a password is the address or the part before its `@`, in any case. */
function isPersonal(password: string, email: string) {
  const given = password.toLowerCase()
  return given === email || given === email.split('@')[0]
}

/** @throws `INVALID_INPUT` for a new password that is the user's own address. */
export function refusePersonal(newPassword: string, email: string) {
  if (!isPersonal(newPassword, email)) return
  throw new AuthError('INVALID_INPUT', { fields: [{ path: 'newPassword', message: PERSONAL }] })
}

/** @throws `INVALID_INPUT` for a new password under the minimum that is set. */
export function refuseShort(password: string, least: number, path: string) {
  if (characters(password) >= least) return
  throw new AuthError('INVALID_INPUT', { fields: [{ path, message: tooShort(least) }] })
}

/** Parses or refuses with `INVALID_INPUT`, naming every field that is at fault. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { success, data, error } = schema.safeParse(value)
  if (!success) throw invalidInput(error)
  return data
}

/** The first fault of each field, its path in dotted names from the input's root. No value is repeated back. */
export function invalidInput({ issues }: z.ZodError): AuthError {
  const faults = issues.flatMap(({ path, message, ...issue }): FieldFault[] => {
    if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message }]
    return issue.keys.map((key) => ({
      path: [...path, key.slice(0, 100)].join('.'),
      message: 'Is not a known field.',
    }))
  })
  const fields = faults.filter(
    ({ path }, index) => faults.findIndex((other) => other.path === path) === index,
  )
  return new AuthError('INVALID_INPUT', { fields: fields.slice(0, 20) })
}
