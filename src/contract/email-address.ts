import { domainToASCII } from 'node:url'

/** An address in the form in which it is stored and compared, or the reason why it is none. */
type Parsed = { email: string } | { refusal: string }

/** The whole (RFC 5321, section 4.5.3.1.3, without the angle brackets), the part before the @, and a label of the host. */
export const MAX_EMAIL_CHARACTERS = 254
const MAX_LOCAL_CHARACTERS = 64
const MAX_LABEL_CHARACTERS = 63
/**
 * Before it is normalised, which takes quadratic time: thousands of accents on one letter would keep the server busy for
 * seconds. An accent may be a character of its own.
 */
const MAX_GIVEN_CHARACTERS = 2 * MAX_EMAIL_CHARACTERS

/** A Dot-string of RFC 5321, section 4.1.2. Browsers take no other form (HTML, section 4.10.5.1.5). */
const LOCAL = /^[a-z\d!#$%&'*+/=?^_`{|}~-]+(\.[a-z\d!#$%&'*+/=?^_`{|}~-]+)*$/
const LABEL = /^[a-z\d]([a-z\d-]*[a-z\d])?$/

/** How most addresses look: for readers of the OpenAPI document, whose tools know neither punycode nor NFKC. */
export const ASCII_EMAIL =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]*[A-Za-z0-9]$/

const TOO_LONG = `Must have at most ${MAX_EMAIL_CHARACTERS} characters.`
const ALIKE = 'Must not have look-alike or invisible characters after the @.'

/**
 * Stores and compares addresses in one form: NFKC, trimmed, lower case, and the host as punycode. The part before the @
 * is ASCII, because few mail servers take anything else, and so that no two addresses look alike.
 */
export function parseEmail(text: string): Parsed {
  const given = text.trim()
  if (given.length > MAX_GIVEN_CHARACTERS) return { refusal: TOO_LONG }
  const whole = given.normalize('NFKC').trim().toLowerCase()
  const at = whole.lastIndexOf('@')
  const [local, domain] = [whole.slice(0, Math.max(at, 0)), whole.slice(at + 1)]
  if (!local || !domain || local.includes('@')) return { refusal: 'Must be an e-mail address.' }
  if (/[^\0-\x7f]/.test(local)) {
    return {
      refusal:
        'Must have only unaccented Latin letters, digits and common signs before the @. Other characters are not supported there.',
    }
  }
  if (local.length > MAX_LOCAL_CHARACTERS) {
    return { refusal: `Must have at most ${MAX_LOCAL_CHARACTERS} characters before the @.` }
  }
  if (!LOCAL.test(local)) return { refusal: 'Must be an e-mail address.' }
  if (looksAlike(domain)) return { refusal: ALIKE }
  const host = toAsciiHost(domain)
  if (!host) return { refusal: 'Must have a domain after the @, such as example.com.' }
  const email = `${local}@${host}`
  if (email.length > MAX_EMAIL_CHARACTERS) return { refusal: TOO_LONG }
  return { email }
}

/** Null for an IP address, a name without a dot, and all else that is no domain for mail. */
function toAsciiHost(given: string) {
  // Other hosts skip `domainToASCII`, because it also reads IP addresses, ports and percent-encoding as URLs have them.
  const isAscii = /^[a-z\d.-]+$/.test(given)
  if (!isAscii && /[\0-,/:-`{-\x7f]/.test(given)) return null
  const host = isAscii && !given.includes('xn--') ? given : domainToASCII(given)
  const labels = host.split('.')
  const last = labels.at(-1) ?? ''
  const isDomain = labels.length > 1 && last.length > 1 && !/^\d+$/.test(last)
  const isValid = labels.every((label) => label.length <= MAX_LABEL_CHARACTERS && LABEL.test(label))
  return isDomain && isValid ? host : null
}

/** Letters of the scripts that may stand beside Latin ones in a label (UTS 39, section 5.2, highly restrictive). */
const BESIDE_LATIN =
  /[\p{scx=Latin}\p{scx=Common}\p{scx=Inherited}\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}]/gu

/** Whether a host, as the user typed it, can be mistaken for another one. A host in punycode cannot. */
function looksAlike(given: string) {
  if (/\p{Default_Ignorable_Code_Point}|[ıȷɑɡ]|[ij]\u0307/u.test(given)) return true
  return given.split('.').some((label) => /[a-z]/.test(label) && label.replaceAll(BESIDE_LATIN, '') !== '')
}
