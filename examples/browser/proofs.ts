/** The attributes of a field that takes a code of an app or a recovery code. Phones offer the code from a message. */
export const CODE_ATTRIBUTES = 'autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"'

/** Six digits, as apps show them, are a code of an app. All else is a recovery code. */
export function toProof(code: string) {
  const digits = code.replace(/\s/g, '')
  return /^\d{6}$/.test(digits) ? { totp: digits } : { recoveryCode: code }
}
