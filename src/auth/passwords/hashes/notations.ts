import { PBKDF2_HASHES, type Pbkdf2Hash } from './pbkdf2.ts'
import { formatHash } from './stored-hash.ts'

/** How programs write hashes, and the form in which Servauth stores each. The first that matches counts. */
const NOTATIONS: [RegExp, (groups: Record<string, string>) => string][] = [
  // Spring Security and LDAP name the kind in braces.
  [/^\{(?:bcrypt|argon2|crypt)(?:@\w+)?\}(?<rest>\$.+)$/i, ({ rest = '' }) => toStoredHash(rest)],
  // Django
  [/^(?:argon2|bcrypt\$)(?<rest>\$.+)$/, ({ rest = '' }) => toStoredHash(rest)],
  [
    /^bcrypt_sha256\$\$2[aby]\$(?<cost>\d\d)\$(?<salt>.{22})(?<key>.{31})$/,
    ({ cost, salt = '', key = '' }) =>
      formatHash('bcrypt-sha256', { r: Number(cost) }, Buffer.from(salt), Buffer.from(key)),
  ],
  [
    /^pbkdf2_(?<hash>sha1|sha256|sha512)\$(?<i>\d+)\$(?<salt>[^$]*)\$(?<key>[^$]+)$/,
    ({ hash, i, salt = '', key }) => pbkdf2(hash, i, Buffer.from(salt), fromBase64(key)),
  ],
  [
    /^scrypt\$(?<n>\d+)\$(?<salt>[^$]*)\$(?<r>\d+)\$(?<p>\d+)\$(?<key>[^$]+)$/,
    ({ n, salt = '', r, p, key }) => scrypt(n, r, p, Buffer.from(salt), fromBase64(key)),
  ],
  // Werkzeug (Flask)
  [
    /^pbkdf2:(?<hash>sha1|sha256|sha512):(?<i>\d+)\$(?<salt>[^$]*)\$(?<key>[\da-f]+)$/,
    ({ hash, i, salt = '', key = '' }) => pbkdf2(hash, i, Buffer.from(salt), Buffer.from(key, 'hex')),
  ],
  [
    /^scrypt:(?<n>\d+):(?<r>\d+):(?<p>\d+)\$(?<salt>[^$]*)\$(?<key>[\da-f]+)$/,
    ({ n, r, p, salt = '', key = '' }) => scrypt(n, r, p, Buffer.from(salt), Buffer.from(key, 'hex')),
  ],
  // Supabase, for users that came from Firebase: `ss` is the salt separator, and `sk` the key of the project.
  [
    /^\$fbscrypt\$v=1,n=(?<n>\d+),r=(?<r>\d+),p=1(?:,ss=(?<ss>[^,$]+))?,sk=(?<sk>[^$]+)\$(?<salt>[^$]+)\$(?<key>[^$]+)$/,
    ({ n, r, ss, sk, salt, key }) => {
      const [signerKey, hash] = [fromBase64(sk), fromBase64(key)]
      const project = { signerKey, saltSeparator: fromBase64(ss), rounds: Number(r), memoryCost: Number(n) }
      // Of another length, it is left as it is, which is no kind of hash.
      return hash.length === signerKey.length ? firebaseScrypt(project, fromBase64(salt), hash) : '$fbscrypt$'
    },
  ],
  // PHC, and passlib's older form of it
  [
    /^\$pbkdf2(?:-(?<hash>sha1|sha256|sha512))?\$(?:i=)?(?<i>\d+)(?:,l=\d+)?\$(?<salt>[^$]*)\$(?<key>[^$]+)$/,
    ({ hash = 'sha1', i, salt, key }) => pbkdf2(hash, i, fromBase64(salt), fromBase64(key)),
  ],
  [
    /^\$scrypt\$ln=(?<ln>\d+),r=(?<r>\d+),p=(?<p>\d+)\$(?<salt>[^$]*)\$(?<key>[^$]+)$/,
    ({ ln, r, p, salt, key }) => scrypt(2 ** Number(ln), r, p, fromBase64(salt), fromBase64(key)),
  ],
]

/** Converts a hash, as another program wrote it, to the form in which it is stored. Leaves what it does not know. */
export function toStoredHash(foreign: string): string {
  for (const [pattern, convert] of NOTATIONS) {
    const groups = pattern.exec(foreign)?.groups
    if (groups) return convert(groups)
  }
  return foreign
}

/** @param hash a name of {@link PBKDF2_HASHES} */
export function pbkdf2(hash = '', iterations: string | number = 0, salt: Buffer, key: Buffer) {
  const { keyBytes } = PBKDF2_HASHES[hash as Pbkdf2Hash]
  const block = key.subarray(0, keyBytes)
  return formatHash(`pbkdf2-${hash}`, { i: Number(iterations), l: block.length }, salt, block)
}

type Digits = string | number | undefined

const scrypt = (n: Digits, r: Digits, p: Digits, salt: Buffer, key: Buffer) =>
  formatHash('scrypt', { ln: Math.log2(Number(n)), r: Number(r), p: Number(p), l: key.length }, salt, key)

/**
 * @param project the parameters of the project, as the Firebase console and its tool show them
 */
export function firebaseScrypt(
  project: { signerKey: Buffer; saltSeparator: Buffer; rounds: number; memoryCost: number },
  salt: Buffer,
  hash: Buffer,
) {
  const { signerKey, saltSeparator, rounds, memoryCost } = project
  const stream = Buffer.from(hash.map((byte, index) => byte ^ (signerKey[index] ?? 0)))
  const parameters = { ln: memoryCost, r: rounds, p: 1, l: stream.length }
  return formatHash('firebase-scrypt', parameters, Buffer.concat([salt, saltSeparator]), stream)
}

/** Takes the letters of URLs and of passlib too. */
export const fromBase64 = (text = '') => Buffer.from(text.replaceAll('.', '+'), 'base64')
