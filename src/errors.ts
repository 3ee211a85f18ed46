/**
 * Every refusal Servauth can give: its HTTP status and the sentence a stranger may read.
 * The set is closed; both doors answer from this one table.
 */
const REFUSALS = {
  INVALID_INPUT: { status: 400, message: 'Some of the input is not valid.' },
  INVALID_TOKEN: { status: 400, message: 'This link is not valid any more. Ask for a new one.' },
  UNAUTHENTICATED: { status: 401, message: 'Sign in first.' },
  INVALID_CREDENTIALS: { status: 401, message: 'The e-mail address or the password is wrong.' },
  REFRESH_REUSED: { status: 401, message: 'This refresh token was used before. The session has been ended.' },
  FORBIDDEN_ORIGIN: { status: 403, message: 'Requests from this origin are not accepted.' },
  EMAIL_NOT_VERIFIED: { status: 403, message: 'Verify the e-mail address first.' },
  REAUTHENTICATION_REQUIRED: { status: 403, message: 'Give the current password to do this.' },
  NOT_FOUND: { status: 404, message: 'There is nothing here.' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This method is not allowed here.' },
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

/** @internal The closed set; a test holds the documents to it. */
export const CODES = Object.keys(REFUSALS) as Code[]

/** Why a credential was not accepted; goes with `UNAUTHENTICATED`. */
export type Reason = 'MISSING' | 'INVALID' | 'EXPIRED' | 'REVOKED'

export type FieldFault = { path: string; message: string }

/** What some codes say besides themselves. `retryAfter` is in seconds, `allow` lists HTTP methods. */
type Details = { fields?: FieldFault[]; reason?: Reason; retryAfter?: number; allow?: string[] }

/** The only error a client is told about; anything else is a fault of ours and is masked as `INTERNAL`. */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  readonly code: Code
  readonly details: Details

  constructor(code: Code, { cause, ...details }: Details & { cause?: unknown } = {}) {
    super(REFUSALS[code].message, { cause })
    this.code = code
    this.details = details
  }

  get status() {
    return REFUSALS[this.code].status
  }

  /** The public part beside the message; `allow` travels as a header only. */
  get extensions() {
    const { allow: _, ...shown } = this.details
    return { code: this.code, ...shown }
  }
}

export function unauthenticated(reason: Reason) {
  return new AuthError('UNAUTHENTICATED', { reason })
}

/** `INVALID_INPUT` about one field; an empty path is the whole of the input. */
export function invalid(path: string, message: string) {
  return new AuthError('INVALID_INPUT', { fields: [{ path, message }] })
}

/** Whether a credential was looked at and found wanting, as opposed to not having been looked at. */
export function isRefusedCredential(fault: unknown) {
  return fault instanceof AuthError && fault.code === 'UNAUTHENTICATED'
}

/**
 * Masks what is not meant for strangers, keeping the cause for the log. Libraries wrap what
 * passes through them, so the refusal is looked for among the causes as well.
 */
export function asAuthError(fault: unknown): AuthError {
  for (let inner = fault; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof AuthError) return inner
  }
  return new AuthError('INTERNAL', { cause: fault })
}
