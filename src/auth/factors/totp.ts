import { HOTP, Secret, TOTP } from 'otpauth'

/** RFC 6238 with the parameters that all authenticator apps know. */
const PARAMETERS = { algorithm: 'SHA1', digits: 6, period: 30 } as const
/** 160 bits (RFC 4226, section 4, R6). */
const SECRET_BYTES = 20
/** How many steps the clock of the phone may be off, in each direction (RFC 6238, section 5.2). */
export const MAX_DRIFT_STEPS = 1

/** A new key, in Base32 as people type it. */
export const createTotpSecret = () => new Secret({ size: SECRET_BYTES }).base32

/** The key in the form that a QR code carries it to an authenticator app. */
export function toTotpUri(secret: string, { issuer, label }: { issuer: string; label: string }) {
  return new TOTP({ ...PARAMETERS, issuer, label, secret: Secret.fromBase32(secret) }).toString()
}

/** The time step that a code belongs to; null if the code is wrong or too far from `now`, in seconds. */
export function findStep(secret: string, code: string, now: number): number | null {
  const counter = Math.floor(now / PARAMETERS.period)
  const { algorithm, digits } = PARAMETERS
  const key = { secret: Secret.fromBase32(secret), algorithm, digits }
  const delta = HOTP.validate({ ...key, token: code, counter, window: MAX_DRIFT_STEPS })
  return delta === null ? null : counter + delta
}
