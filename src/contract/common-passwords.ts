import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
let passwords: Set<string> | undefined

/** Whether attackers try this password first (NIST SP 800-63B-4, section 3.1.1.2), in upper or lower case. */
export function isCommonPassword(password: string) {
  passwords ??= loadPasswords()
  return passwords.has(password.toLowerCase())
}

/** At the first new password, because the list takes a fifth of the start. */
function loadPasswords() {
  const { dictionary } = require('@zxcvbn-ts/language-common') as typeof import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'])
}
