import { accessSync, constants, statSync } from 'node:fs'
import { choice } from './kinds/choice.ts'
import { kind, listOf, refuse } from './kinds/kind.ts'
import { wholeNumber } from './kinds/number.ts'
import { parseFormerSecret, parseSecret, secretFile } from './kinds/secret.ts'

/** The smallest minimum that NIST allows (SP 800-63B-4, section 3.1.1.1). A setting may require more. */
export const MIN_PASSWORD_CHARACTERS = 8

/** The algorithms that can sign access tokens (RFC 7518, section 3.1; RFC 8037). */
export const TOKEN_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

/** The types that an access token can have. `JWT` is for libraries that do not know RFC 9068. */
export const TOKEN_TYPES = ['at+jwt', 'JWT'] as const

/** The longest lifetime of an access token that a setting can choose. */
export const MAX_ACCESS_TOKEN_SECONDS = 3600

const DAY = 86_400

/** Secrets, passwords, tokens and sessions. */
export const credentialSettings = {
  AUTH_SECRET: kind(parseSecret).optional(),
  AUTH_SECRET_FILE: secretFile(parseSecret).optional(),
  AUTH_SECRET_PREVIOUS: kind(parseFormerSecret).optional(),
  AUTH_SECRET_PREVIOUS_FILE: secretFile(parseFormerSecret).optional(),
  ACCESS_TOKEN_SECONDS: wholeNumber(5, MAX_ACCESS_TOKEN_SECONDS).default(900),
  ACCESS_TOKEN_AUDIENCE: listOf(parseAudience).optional(),
  ACCESS_TOKEN_ALG: choice(TOKEN_ALGORITHMS).optional(),
  ACCESS_TOKEN_TYP: choice(TOKEN_TYPES).default('at+jwt'),
  SERVICE_KEYS: listOf(parseServiceKey).default([]),
  SESSION_IDLE_SECONDS: wholeNumber(1, 365 * DAY).optional(),
  SESSION_MAX_SECONDS: wholeNumber(1, 365 * DAY).default(30 * DAY),
  SECOND_FACTOR: choice(['optional', 'required']).default('optional'),
  PASSWORD_MIN_LENGTH: wholeNumber(MIN_PASSWORD_CHARACTERS, 64).default(MIN_PASSWORD_CHARACTERS),
  BREACHED_PASSWORDS: kind(parseFile).optional(),
  ARGON2_MEMORY_KIB: wholeNumber(7168, 1_048_576).default(19_456),
  ARGON2_PASSES: wholeNumber(1, 20).default(2),
  ARGON2_LANES: wholeNumber(1, 8).default(1),
}

export type ServiceKeyEntry = { name: string; hash: string }

/** A key of another service, as `name=hash`. A name may stand there twice, so that its key can be replaced. */
function parseServiceKey(text: string): ServiceKeyEntry {
  const [, name, hash] = /^([\w.-]{1,40})=([\w-]{43})$/.exec(text) ?? []
  if (name && hash) return { name, hash }
  return refuse('must be name=hash; make one with: servauth service-key create <name> --setting')
}

/** A file that can be read. What is in it, the server checks when it opens it. */
function parseFile(path: string) {
  try {
    accessSync(path, constants.R_OK)
    if (statSync(path).isFile()) return path
  } catch {
    return refuse('must be the path of a file that the server may read')
  }
  return refuse('must be the path of a file: make one with "servauth passwords build"')
}

/** The name of a service (RFC 7519, section 4.1.3). */
function parseAudience(text: string) {
  return /[\s\p{Cc}]/u.test(text) ? refuse('must have commas, and no blanks, between its names') : text
}
