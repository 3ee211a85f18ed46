import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createArgon2 } from './argon2.ts'
import { bcrypt, bcryptSha256 } from './bcrypt.ts'
import type { HashKind, Parameters, Work } from './hash-kind.ts'
import { createPbkdf2 } from './pbkdf2.ts'
import { firebaseScrypt, scrypt } from './scrypt.ts'

const argon2id = createArgon2('argon2id')

/** All kinds of hashes that are verified, by the name that begins a stored hash: `$name$parameters$salt$key` (PHC). */
const KINDS: Readonly<Record<string, HashKind>> = {
  argon2id,
  argon2i: createArgon2('argon2i'),
  argon2d: createArgon2('argon2d'),
  bcrypt,
  'bcrypt-sha256': bcryptSha256,
  'pbkdf2-sha1': createPbkdf2('sha1'),
  'pbkdf2-sha256': createPbkdf2('sha256'),
  'pbkdf2-sha512': createPbkdf2('sha512'),
  scrypt,
  'firebase-scrypt': firebaseScrypt,
}

/** Argon2id over the key of another kind: `$argon2id-of-name$parameters$v=…$m=…$inner salt$salt$key`. */
const WRAPPED = 'argon2id-of-'

/** The column of a password has this length. */
const MAX_HASH_CHARACTERS = 255
const MAX_SALT_BYTES = 64
/** RFC 9106, section 3.1. The library takes no shorter one. */
const MIN_ARGON2_SALT_BYTES = 8

/**
 * The class of a hash is what begins it and says its cost: equal classes take equal time. `passwordClass` in the schema
 * says the same in SQL. Better-Auth's own hashes begin with nothing.
 */
const CLASS = /^(?:\$2[aby]\$\d\d|\$[a-z\d-]+(?:\$[a-z]+=\d+(?:,[a-z]+=\d+)*)*)(?=\$)/
const BETTER_AUTH: Parameters = { ln: 14, r: 16, p: 1, l: 64 }

export const classOf = (encoded: string) => CLASS.exec(encoded)?.[0] ?? ''

/** @returns null for a class of no known kind */
export function readClass(hashClass: string) {
  const { name, parameters, outer } = splitClass(hashClass)
  // A name such as `constructor` is none of a kind.
  const measured = Object.hasOwn(KINDS, name) ? KINDS[name]?.measure(parameters) : null
  const wrapping = outer && argon2id.measure(outer)
  if (!measured || wrapping === null) return null
  const parts = wrapping ? [measured, wrapping] : [measured]
  return {
    ...{ name, parameters, outer },
    works: parts.map(({ work }) => work),
    isBounded: parts.every(({ isBounded }) => isBounded),
  }
}

function splitClass(hashClass: string) {
  const [, name = '', ...segments] = hashClass.split('$')
  if (hashClass === '') return { name: 'scrypt', parameters: BETTER_AUTH, outer: undefined }
  if (/^2[aby]$/.test(name)) {
    return { name: 'bcrypt', parameters: { r: Number(segments[0]) }, outer: undefined }
  }
  const read = (texts: string[]): Parameters =>
    Object.fromEntries(texts.flatMap((text) => text.split(',').map((pair) => pair.split('='))).map(toNumber))
  if (!name.startsWith(WRAPPED)) return { name, parameters: read(segments), outer: undefined }
  const [inner = '', ...outer] = segments
  return { name: name.slice(WRAPPED.length), parameters: read([inner]), outer: read(outer) }
}

const toNumber = ([key = '', value]: string[]) => [key, Number(value)]

/** A hash that can be verified, with what its verification costs. */
export type StoredHash = {
  name: string
  parameters: Parameters
  works: Work[]
  /** Whether it is cheap enough to be verified at every attempt. If not, it is refused. */
  isBounded: boolean
  verify: (password: string) => Promise<boolean>
  /** Argon2id over this hash. Takes no password. */
  wrap: (cost: { m: number; t: number; p: number }) => Promise<string>
}

/** @returns null for a hash of no known kind */
export function readHash(encoded: string): StoredHash | null {
  const hashClass = classOf(encoded)
  const known = readClass(hashClass)
  const values = known && readValues(hashClass, encoded)
  if (!values || encoded.length > MAX_HASH_CHARACTERS) return null
  const { name, parameters, outer, works, isBounded } = known
  const kind = KINDS[name] as HashKind
  const { salt, outerSalt, key } = values
  const isShort = name.startsWith('argon2') && salt.length < MIN_ARGON2_SALT_BYTES
  if (isShort || Boolean(outer) !== Boolean(outerSalt) || !hasLength(key, outer ? {} : parameters))
    return null

  return {
    ...{ name, parameters, works, isBounded },
    async verify(password) {
      const derived = await kind.derive(password, salt, { l: key.length, ...parameters })
      const result =
        outer && outerSalt ? await deriveOuter(derived, outerSalt, { ...outer, l: key.length }) : derived
      return result.length === key.length && timingSafeEqual(result, key)
    },
    async wrap({ m, t, p }) {
      const wrapping = { v: 19, m, t, p }
      const newSalt = randomBytes(16)
      const wrapped = await deriveOuter(key, newSalt, { ...wrapping, l: 32 })
      const inner = formatParameters({ ...parameters, ...(name === 'bcrypt' ? {} : { l: key.length }) })
      return `$${WRAPPED}${name}$${inner}$v=19$${formatParameters({ m, t, p })}$${[salt, newSalt, wrapped].map(toBase64).join('$')}`
    },
  }
}

/** The key is text in the letters of Base64, so that the library takes it as a password. */
const deriveOuter = (key: Buffer, salt: Buffer, parameters: Parameters) =>
  argon2id.derive(key.toString('base64'), salt, parameters)

const hasLength = (key: Buffer, { l = key.length }: Parameters) => key.length === l

function readValues(hashClass: string, encoded: string) {
  const rest = encoded.slice(hashClass.length)
  if (hashClass === '') {
    // The text of the salt is used, not its bytes.
    const [, salt = '', key] = /^([\da-f]{32}):([\da-f]{128})$/.exec(rest) ?? []
    return key ? { salt: Buffer.from(salt), outerSalt: undefined, key: Buffer.from(key, 'hex') } : null
  }
  const [, bcryptSalt, bcryptKey] = /^\$([./A-Za-z\d]{22})([./A-Za-z\d]{31})$/.exec(rest) ?? []
  if (/^\$2/.test(hashClass)) {
    return bcryptSalt && bcryptKey
      ? { salt: Buffer.from(bcryptSalt), outerSalt: undefined, key: Buffer.from(bcryptKey) }
      : null
  }
  if (!/^(?:\$[A-Za-z\d+/]*){2,3}$/.test(rest)) return null
  const [salt, ...others] = rest
    .slice(1)
    .split('$')
    .map((text) => Buffer.from(text, 'base64'))
  const [key, outerSalt] = others.reverse()
  if (!salt || !key || key.length < 16 || salt.length > MAX_SALT_BYTES) return null
  return { salt, outerSalt, key }
}

/** Writes a hash as it is stored. */
export const formatHash = (name: string, parameters: Parameters, salt: Buffer, key: Buffer) =>
  `$${name}$${formatParameters(parameters)}$${toBase64(salt)}$${toBase64(key)}`

const formatParameters = (parameters: Parameters) =>
  Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')

/** Without padding, as in PHC strings. */
const toBase64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
