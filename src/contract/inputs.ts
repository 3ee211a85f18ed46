import { dictionary } from '@zxcvbn-ts/language-common'
import { z } from 'zod'
import { AuthError, type FieldFault, invalid } from '../errors.ts'

/** No NUL, no other control character and no half of a surrogate pair, anywhere. */
const Text = z
  .string()
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'Must not contain control characters.')
  // The same for readers of the OpenAPI document: not every one of them knows \p.
  .meta({ pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$' })

const characters = (value: string) => [...value].length

/** At most 64 characters before the @, and host names of at most 63 a part (RFC 5321, section 4.5.3.1; RFC 1035, section 2.3.1). */
const DELIVERABLE = /^[^@]{1,64}@(?:[^.]{0,62}[^.-]\.)+[^.]{2,63}$/

/** Stored and compared in one form: NFKC, trimmed, lower case. RFC 5321 section 4.5.3.1.3 sets the length. */
const Email = Text.transform((value) => value.normalize('NFKC').trim().toLowerCase())
  .pipe(
    z
      .email('Must be an e-mail address.')
      .max(254, 'Must have at most 254 characters.')
      .regex(DELIVERABLE, 'Must be an e-mail address.'),
  )
  .meta({
    description: 'In any case; blanks around it do not matter.',
    format: 'email',
    pattern: z.regexes.email.source,
    maxLength: 254,
  })

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
  .meta({ format: 'password', maxLength: 128 })

/** The passwords that are tried first, of those long enough to be taken at all (NIST SP 800-63B-4, section 3.1.1.2). */
const COMMON = new Set(dictionary['passwords-common'])

/** A longer minimum is a setting, held by `refuseShort`; a shorter one would break a rule (the same, section 3.1.1.1). */
export const LEAST_PASSWORD_LENGTH = 8

const tooShort = (least: number) => `Must have at least ${least} characters.`

const NewPassword = Password.refine(
  (value) => characters(value) >= LEAST_PASSWORD_LENGTH,
  tooShort(LEAST_PASSWORD_LENGTH),
)
  .refine(
    (value) => !COMMON.has(value.toLowerCase()),
    'Is among the passwords that are tried first. Choose another.',
  )
  .meta({
    description:
      'Neither among the passwords that are tried first, nor the e-mail address or its part before the @. ' +
      'The server may ask for more characters.',
    minLength: LEAST_PASSWORD_LENGTH,
  })

const PERSONAL = 'Must not be the e-mail address.'

const Username = Text.trim()
  .min(1, 'Must not be empty.')
  .refine((value) => characters(value) <= 100, 'Must have at most 100 characters.')
  .meta({ maxLength: 100, examples: ['Ada'] })

const Token = Text.min(1, 'Must not be empty.').max(512, 'Must have at most 512 characters.')

const MailedToken = Token.meta({ description: 'From the link that was mailed.' })

export const SessionTransport = z.enum(['COOKIE', 'TOKEN']).meta({
  id: 'SessionTransport',
  description:
    'How the secret of a session travels: in an HttpOnly cookie (the default), or in the answer and the request.',
})
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
  .meta({ id: 'RegisterInput' })
export type RegisterInput = z.output<typeof RegisterInput>

export const LoginInput = z
  .strictObject({ email: Email, password: Password, transport: SessionTransport.nullish() })
  .meta({ id: 'LoginInput' })
export type LoginInput = z.output<typeof LoginInput>

export const RefreshInput = z
  .strictObject({ refreshToken: Token.nullish().meta({ description: 'Else the cookie.' }) })
  .meta({ id: 'RefreshInput' })
export type RefreshInput = z.output<typeof RefreshInput>

export const LogoutInput = z
  .strictObject({ refreshToken: Token.nullish().meta({ description: 'Else the bearer or the cookie.' }) })
  .meta({ id: 'LogoutInput' })
export type LogoutInput = z.output<typeof LogoutInput>

/** A field that is left out stays as it is; a null username is cleared. */
export const UpdateMeInput = z
  .strictObject({
    username: Username.nullish().meta({ description: 'Null clears it.' }),
    email: Email.nullish(),
    currentPassword: Password.nullish(),
  })
  .meta({ id: 'UpdateMeInput', description: 'What is left out stays as it is.' })
export type UpdateMeInput = z.output<typeof UpdateMeInput>

export const DeleteMeInput = z.strictObject({ password: Password.nullish() }).meta({ id: 'DeleteMeInput' })
export type DeleteMeInput = z.output<typeof DeleteMeInput>

export const ChangePasswordInput = z
  .strictObject({ currentPassword: Password, newPassword: NewPassword })
  .meta({ id: 'ChangePasswordInput' })
export type ChangePasswordInput = z.output<typeof ChangePasswordInput>

export const RequestPasswordResetInput = z
  .strictObject({ email: Email })
  .meta({ id: 'RequestPasswordResetInput' })
export type RequestPasswordResetInput = z.output<typeof RequestPasswordResetInput>

export const ResetPasswordInput = z
  .strictObject({ token: MailedToken, newPassword: NewPassword })
  .meta({ id: 'ResetPasswordInput' })
export type ResetPasswordInput = z.output<typeof ResetPasswordInput>

export const RequestEmailVerificationInput = z
  .strictObject({ email: Email })
  .meta({ id: 'RequestEmailVerificationInput' })
export type RequestEmailVerificationInput = z.output<typeof RequestEmailVerificationInput>

export const VerifyEmailInput = z.strictObject({ token: MailedToken }).meta({ id: 'VerifyEmailInput' })
export type VerifyEmailInput = z.output<typeof VerifyEmailInput>

export const UndoEmailChangeInput = z
  .strictObject({ token: MailedToken })
  .meta({ id: 'UndoEmailChangeInput' })
export type UndoEmailChangeInput = z.output<typeof UndoEmailChangeInput>

export const EventsInput = z.strictObject({
  first: z.coerce.number().int().min(1).max(100).default(20).meta({ description: 'How many at most.' }),
})
export type EventsInput = z.output<typeof EventsInput>

/** An account by its address, as whoever runs the server names it. */
export const AccountInput = z.strictObject({ email: Email })
export type AccountInput = z.output<typeof AccountInput>

/** What an account that is imported is called, if it may be called so here. */
export const ImportedUsername = Username.nullable().catch(null)

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
  throw invalid('newPassword', PERSONAL)
}

/** @throws `INVALID_INPUT` for a new password under the minimum that is set. */
export function refuseShort(password: string, least: number, path: string) {
  if (characters(password) >= least) return
  throw invalid(path, tooShort(least))
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
