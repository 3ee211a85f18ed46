import { z } from 'zod'
import { AuthError } from '../errors.ts'
import { isFreeClaimName } from '../settings/claims.ts'
import { MAX_LANGUAGE_CHARACTERS, toLanguageTag } from '../settings/kinds/language.ts'
import { ASCII_EMAIL, MAX_EMAIL_CHARACTERS, parseEmail } from './email-address.ts'
import { Json } from './json.ts'
import { countCharacters, Text } from './text.ts'

/** The schemas of the fields that clients send, each with its rule and description. Those of passwords are in `password.ts`. */

/** A moment in UTC. PostgreSQL takes fewer offsets, digits and years than ISO 8601 has. */
export const Moment = z.iso
  .datetime({ offset: true, error: 'Must be a time such as 2026-11-24T10:15:00Z.' })
  .refine((text) => isStorable(new Date(text).getUTCFullYear()), 'Must be in the years 1 to 9999.')
  .transform((text) => new Date(text).toISOString())
  .meta({ description: 'ISO 8601.', examples: ['2026-11-24T10:15:00Z'] })

const isStorable = (year: number) => year >= 1 && year <= 9999

/** An address as a client may write it. It is stored and compared in one form. */
export const Email = Text.transform((value, context) => {
  const parsed = parseEmail(value)
  if ('email' in parsed) return parsed.email
  context.addIssue({ code: 'custom', message: parsed.refusal })
  return z.NEVER
}).meta({
  description:
    'Upper and lower case are equal, and spaces around the address are ignored. The domain may have any letters: it is ' +
    'converted to punycode. The part before the @ is ASCII.',
  format: 'email',
  pattern: ASCII_EMAIL.source,
  maxLength: MAX_EMAIL_CHARACTERS,
})

/** A character that can be seen: no blank, no combining mark, and nothing that fonts do not show. */
const VISIBLE = /(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{N}\p{P}\p{S}]/u

export const Username = Text.trim()
  .min(1, { error: 'Must not be empty.', abort: true })
  .refine((value) => VISIBLE.test(value), 'Must have a letter, a digit or a sign.')
  .refine((value) => countCharacters(value) <= 100, 'Must have at most 100 characters.')
  .meta({ maxLength: 100, examples: ['Ada'] })

/** A language tag in its canonical form (RFC 5646, section 4.5). */
export const Locale = Text.max(
  MAX_LANGUAGE_CHARACTERS,
  `Must have at most ${MAX_LANGUAGE_CHARACTERS} characters.`,
)
  .transform((value, context) => {
    const tag = toLanguageTag(value)
    if (tag !== null) return tag
    context.addIssue({ code: 'custom', message: 'Must be a language tag, such as de-AT.' })
    return z.NEVER
  })
  .meta({
    description: 'The language of the user’s mails, as a tag of BCP 47 such as `de-AT`.',
    maxLength: MAX_LANGUAGE_CHARACTERS,
    examples: ['de-AT'],
  })

/** The fields of an account that its user chooses: `register` takes them and `updateMe` changes them. */
export const profile = { username: Username.nullish(), locale: Locale.nullish() }

type Profile = { [Field in keyof typeof profile]?: z.output<(typeof profile)[Field]> }
export type ProfileColumns = { [Field in keyof typeof profile]: NonNullable<Profile[Field]> | null }

/** The profile of a new account: a field that is left out is null. */
export function toProfileColumns(given: Profile) {
  const fields = Object.keys(profile) as (keyof Profile)[]
  return Object.fromEntries(fields.map((field) => [field, given[field] ?? null])) as ProfileColumns
}

const Token = Text.min(1, 'Must not be empty.')

/** Long enough for an access token too, which then is the wrong kind of token and not wrong input. */
export const RefreshTokenField = Token.max(1024, 'Must have at most 1024 characters.')
export const MailedToken = Token.max(512, 'Must have at most 512 characters.').meta({
  description: 'The token of the mailed link.',
})

/** Spaces, as apps show them, do not matter. */
export const TotpCode = Text.transform((value) => value.replace(/\s/g, ''))
  .pipe(z.string().regex(/^\d{6}$/, 'Must be six digits.'))
  .meta({ description: 'The six digits that the authenticator app shows.', pattern: '^[0-9 ]{6,}$' })

const RecoveryCode = Text.min(1, 'Must not be empty.')
  .max(64, 'Must have at most 64 characters.')
  .meta({ description: 'One of the recovery codes. Case, spaces and dashes do not matter.' })

/** The id of something that a client has begun. It is a secret of the client, so it is not shown elsewhere. */
export const OpaqueId = Text.min(1, 'Must not be empty.')
  .max(64, 'Must have at most 64 characters.')
  .meta({ format: 'uuid' })

/**
 * The id of a row, in lower case as the database writes it: PostgreSQL reads it in any case, and code compares it with ids
 * of rows. `requireRowId` checks its form.
 */
export const RowId = OpaqueId.toLowerCase().meta({ format: 'uuid' })

/** An imported account keeps its id, which may be of a version that RFC 9562 does not know. */
export const UserId = z.guid('Must be a UUID.').meta({ format: 'uuid' })

/** The id of something that belongs to the caller: any text, so that an id of another form is NOT_FOUND as well. */
export const OwnRowId = z.string().toLowerCase().meta({ format: 'uuid' })

const Guid = z.guid()

/** Call it before a query with an id of a client. @throws `NOT_FOUND` for a text that is not the id of any row */
export function requireRowId(id: string) {
  if (!Guid.safeParse(id).success) throw new AuthError('NOT_FOUND')
}

export const PasskeyName = Text.trim()
  .min(1, 'Must not be empty.')
  .refine((value) => countCharacters(value) <= 100, 'Must have at most 100 characters.')
  .meta({ maxLength: 100, examples: ['Work laptop'] })

export const PasskeyProof = z
  .strictObject({
    ceremony: OpaqueId.meta({ description: 'The `id` of the ceremony that the browser has answered.' }),
    response: Json.meta({ description: 'What `toJSON()` of the browser’s `PublicKeyCredential` returns.' }),
  })
  .meta({ id: 'PasskeyProof', description: 'A passkey that the user has chosen.' })
export type PasskeyProof = z.output<typeof PasskeyProof>

/** Exactly one of the fields: `@oneOf` in GraphQL. */
export const FactorProof = z
  .strictObject({
    totp: TotpCode.optional(),
    recoveryCode: RecoveryCode.optional(),
    passkey: PasskeyProof.optional(),
    recoveryToken: MailedToken.optional().meta({
      description:
        'The token of the link that is mailed after the wait of `requestFactorRecovery`. For sign-ins only.',
    }),
  })
  .refine((proof) => Object.keys(proof).length === 1, 'Must have exactly one of the fields.')
  .meta({
    id: 'FactorProof',
    description: 'What proves a second factor.',
    minProperties: 1,
    maxProperties: 1,
  })
export type FactorProof = z.output<typeof FactorProof>

export const SessionTransport = z.enum(['COOKIE', 'TOKEN']).meta({
  id: 'SessionTransport',
  description:
    'How the secret of a session travels: in an HttpOnly cookie (the default), or in the answer and the request.',
})
export type SessionTransport = z.output<typeof SessionTransport>

/** Defaults that only the GraphQL schema shows; the OpenAPI document describes them in words. */
export const graphqlDefaults = z.registry<{ value: unknown }>()

export const TransportChoice = SessionTransport.nullish().register(graphqlDefaults, { value: 'COOKIE' })

/** The name of a role. Services read it in access tokens, so it is made for programs. */
export const RoleName = z
  .string()
  .regex(/^[A-Za-z0-9][\w.:-]{0,63}$/, 'Must have at most 64 letters, digits and . _ : -')
  .meta({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$', examples: ['support'] })

/** The most that the permissions of a role can take in an access token. */
export const MAX_PERMISSIONS = 50
export const MAX_PERMISSIONS_CHARACTERS = 1024

/** A token of `scope` (RFC 6749, section 3.3), or all permissions. */
const PermissionName = z
  .string()
  .regex(/^(?:\*|[A-Za-z0-9][\w.:/-]{0,63})$/, 'Must have at most 64 letters, digits and . _ : / -, or be *.')
  .meta({ pattern: '^([*]|[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63})$' })

export const PermissionNames = z
  .array(PermissionName)
  .max(MAX_PERMISSIONS, `Must have at most ${MAX_PERMISSIONS} items.`)
  .refine((names) => names.join(' ').length <= MAX_PERMISSIONS_CHARACTERS, {
    error: `Must have at most ${MAX_PERMISSIONS_CHARACTERS} characters together.`,
  })
  .transform((names) => [...new Set(names)].sort())
  .meta({
    description: 'Permissions of this server, and any that other services check. `*` is every permission.',
    examples: [['users:read', 'events:read', 'invoices:approve']],
  })

/** Whether no number in a value of JSON was rounded or is infinite: as a claim, it could be the id of something else. */
const areExact = (value: unknown): boolean =>
  typeof value === 'object' && value !== null
    ? Object.values(value).every(areExact)
    : typeof value !== 'number' || Math.abs(value) <= Number.MAX_SAFE_INTEGER

/** What the claims of a user can take in an access token. */
export const MAX_CLAIMS_BYTES = 2048

export const UserClaims = Json.refine(
  (claims) => Buffer.byteLength(JSON.stringify(claims)) <= MAX_CLAIMS_BYTES,
  `Must have at most ${MAX_CLAIMS_BYTES} bytes as JSON.`,
)
  .refine(areExact, `Must not have a number beyond ${Number.MAX_SAFE_INTEGER}. Write it as a text.`)
  .refine(
    // Some services read the names in any case: for the parser of Go, `Scope` is `scope`.
    (claims) => Object.keys(claims).every((name) => isFreeClaimName(name.toLowerCase())),
    'Has a name that is reserved or not allowed.',
  )
  .meta({ description: 'At most 2 KiB of JSON.', examples: [{ plan: 'pro' }] })

/** An account by its address, as an operator names it. */
export const AccountInput = z.strictObject({ email: Email })
export type AccountInput = z.output<typeof AccountInput>

/** The user name of an imported account; null if the rule of user names does not allow it. */
export const ImportedUsername = Username.nullable().catch(null)
