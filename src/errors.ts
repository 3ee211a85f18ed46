/** All refusals: the HTTP status and the sentence that a client may read. The set is closed, and both adapters use it. */
const REFUSALS = {
  INVALID_INPUT: { status: 400, message: 'Some of the input is not valid.' },
  INVALID_TOKEN: { status: 400, message: 'This link or step is not valid any more. Start again.' },
  UNAUTHENTICATED: { status: 401, message: 'Sign in first.' },
  INVALID_CREDENTIALS: { status: 401, message: 'The e-mail address, the password or the code is wrong.' },
  REFRESH_REUSED: { status: 401, message: 'This refresh token was used before. The session has been ended.' },
  SECOND_FACTOR_REQUIRED: { status: 401, message: 'Prove a second factor to complete the sign-in.' },
  FORBIDDEN: { status: 403, message: 'The credential does not allow this.' },
  FORBIDDEN_ORIGIN: { status: 403, message: 'Requests from this origin are not accepted.' },
  EMAIL_NOT_VERIFIED: { status: 403, message: 'Verify the e-mail address first.' },
  REAUTHENTICATION_REQUIRED: { status: 403, message: 'Sign in again to do this, as the answer says.' },
  NOT_FOUND: { status: 404, message: 'There is nothing here.' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This method is not allowed here.' },
  REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time.' },
  EMAIL_TAKEN: { status: 409, message: 'An account with this e-mail address exists already.' },
  PAYLOAD_TOO_LARGE: { status: 413, message: 'The request body is too large.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'Send the body as application/json.' },
  TOO_MANY_REQUESTS: { status: 429, message: 'Too many attempts. Wait a little.' },
  INTERNAL: { status: 500, message: 'Something went wrong on our side.' },
  SERVICE_UNAVAILABLE: {
    status: 503,
    message: 'The service is not available at the moment. Try again shortly.',
  },
} as const

export type Code = keyof typeof REFUSALS

/** The closed set of codes. A test compares the documents with it. */
export const CODES = Object.keys(REFUSALS) as Code[]

/** Why a credential was refused. It belongs to `UNAUTHENTICATED`. */
export type Reason = 'MISSING' | 'INVALID' | 'EXPIRED' | 'REVOKED'

export type FieldFault = { path: string; message: string }

/** The ways to prove a factor, as `FactorProof` names them. */
export type FactorMethod = 'totp' | 'passkey' | 'recoveryCode'

/** What completes a sign-in whose password was right. It belongs to `SECOND_FACTOR_REQUIRED`. */
export type SignInChallenge = { id: string; methods: FactorMethod[]; expiresAt: string }

/**
 * How recently and how strongly the caller must prove itself again, and the ways to do so. `maxAge` is in seconds. It
 * belongs to `REAUTHENTICATION_REQUIRED`.
 */
type Reauthentication = { acr: Acr; maxAge: number; methods: ('password' | FactorMethod)[] }

/** `aal1`: the password was proven in the session. `aal2`: a second factor too. */
export type Acr = 'aal1' | 'aal2'

/**
 * The members that some codes add. `permission` is the one that is missing. `retryAfter` is in seconds, `allow` lists HTTP
 * methods. `detail` says what this request should change, if the sentence of the code is too general.
 */
type Details = {
  fields?: FieldFault[]
  reason?: Reason
  retryAfter?: number
  allow?: string[]
  challenge?: SignInChallenge
  permission?: string
  detail?: string
} & Partial<Reauthentication>

/** The only error that clients see. Any other error is a bug and is masked as `INTERNAL`. */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  readonly code: Code
  readonly details: Details

  constructor(code: Code, { cause, ...details }: Details & { cause?: unknown } = {}) {
    super(details.detail ?? REFUSALS[code].message, { cause })
    this.code = code
    this.details = details
  }

  get status() {
    return REFUSALS[this.code].status
  }

  /** The sentence of the code, the same for every occurrence. */
  get title() {
    return REFUSALS[this.code].message
  }

  /** What clients see besides the message. `allow` is sent as a header only. */
  get extensions() {
    const { allow: _, detail: __, ...shown } = this.details
    return { code: this.code, ...shown }
  }
}

export function unauthenticated(reason: Reason) {
  return new AuthError('UNAUTHENTICATED', { reason })
}

/** Asks the caller for a newer or stronger proof. Without a method, the account must first get a second factor. */
export function proofRequired(needed: Reauthentication) {
  const isPossible = needed.methods.length > 0
  return new AuthError('REAUTHENTICATION_REQUIRED', isPossible ? needed : { ...needed, detail: NO_FACTOR })
}

export const NO_FACTOR = 'This needs a second factor, and the account has none. Add one first.'

/** `INVALID_INPUT` about one field. An empty path means the whole input. */
export function invalid(path: string, message: string) {
  return new AuthError('INVALID_INPUT', { fields: [{ path, message }] })
}

/** A client can send thousands, and no reader needs more. */
export const MAX_REPORTED_FIELDS = 20

/** `INVALID_INPUT` with the first fault of each field. */
export function invalidFields(faults: FieldFault[]) {
  const fields = new Map<string, FieldFault>()
  for (const fault of faults) {
    if (!fields.has(fault.path)) fields.set(fault.path, fault)
    if (fields.size === MAX_REPORTED_FIELDS) break
  }
  return new AuthError('INVALID_INPUT', { fields: [...fields.values()] })
}

/** Whether a credential was checked and refused. False if the check itself failed. */
export function isRefusedCredential(fault: unknown) {
  return fault instanceof AuthError && fault.code === 'UNAUTHENTICATED'
}

/** Whether the caller was checked and refused, for its credential or for what it may do. */
export function isRefused(fault: unknown) {
  return fault instanceof AuthError && (fault.code === 'UNAUTHENTICATED' || fault.code === 'FORBIDDEN')
}

/** What only the operator can correct, such as a database that cannot be used. No bug: clients get `SERVICE_UNAVAILABLE`. */
export class OperatorFault extends Error {}

/**
 * Masks errors that clients must not see, and keeps their cause for the log. Libraries wrap errors, so this also
 * searches the causes for a refusal.
 */
export function asAuthError(fault: unknown): AuthError {
  for (let inner = fault; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof AuthError) return inner
    if (inner instanceof OperatorFault) {
      return new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1, cause: fault })
    }
  }
  return new AuthError('INTERNAL', { cause: fault })
}
