import { kind, refuse } from './kind.ts'
import { readText } from './path.ts'

const MIN_BYTES = 32
const ADVICE = 'make one with: openssl rand -base64 32'

/** 32 random bytes are 43 characters of base64 or 64 hexadecimal digits. */
export function parseSecret(text: string) {
  if (Buffer.byteLength(text) < MIN_BYTES) refuse(`must hold at least ${MIN_BYTES} random bytes; ${ADVICE}`)
  if (/^[\da-f]+$/i.test(text) && text.length < 2 * MIN_BYTES) {
    refuse(`has fewer than ${2 * MIN_BYTES} hexadecimal digits, which are ${MIN_BYTES} bytes; ${ADVICE}`)
  }
  if (!looksRandom(text)) refuse(`does not look random; ${ADVICE}`)
  return text
}

/** A secret that is being replaced. Earlier versions accepted phrases and fewer digits, and their users stay signed in. */
export function parseFormerSecret(text: string) {
  if (Buffer.byteLength(text) < MIN_BYTES)
    refuse(`must hold at least ${MIN_BYTES} bytes, as every earlier secret did`)
  return text
}

/** The path of a file with the secret, as Docker and Kubernetes provide it. */
export const secretFile = <T>(parse: (text: string) => T) => kind((path) => parse(readText(path).trim()))

/** The same with a URL that holds a password. The URL is checked like the setting without `_FILE`. */
export const urlFile = secretFile((url) => url || refuse('is the path of an empty file'))

/** Refuses repetitions, phrases and well-known placeholders. It cannot prove that a secret is random. */
function looksRandom(secret: string) {
  const repeats = (secret + secret).indexOf(secret, 1) < secret.length
  const placeholder = /secret|passw|change|example|default|better.?auth|servauth|12345|abcde|qwert/i.test(
    secret,
  )
  const phrase = /\s/.test(secret) || /^[a-z_.,-]+$/.test(secret)
  return !repeats && !placeholder && !phrase && new Set(secret).size >= 10
}
