import { firebaseScrypt, fromBase64 } from '../../../auth/passwords/hashes/notations.ts'
import { CommandError } from '../../support/command-error.ts'
import { readSmallFile } from '../../support/small-file.ts'
import { readJson } from '../files/json.ts'
import { flagAt, hashAt, listAt, objectAt, textAt, timeAt } from './fields.ts'
import { FieldError, openFiles, type Row } from './file-source.ts'
import { toGrants } from './grants.ts'
import { type ForeignUser, NO_DETAILS } from './source.ts'

type Project = Parameters<typeof firebaseScrypt>[0]

/** Firebase: `firebase auth:export users.json`, and a file with the parameters of the project's hashes. */
export async function openFirebase(files: string[], hashConfig: string | undefined) {
  const project = hashConfig === undefined ? undefined : await readHashConfig(hashConfig)
  return openFiles({ system: 'firebase', files, read: readJson, toUser: (row) => toUser(row, project) })
}

function toUser(row: Row, project: Project | undefined): ForeignUser {
  const providers = listAt(row, 'providerUserInfo').flatMap((info) => textAt(info, 'providerId') ?? [])
  const social = providers.filter((provider) => provider !== 'password').join(' ')
  return {
    ...NO_DETAILS,
    id: textAt(row, 'localId') ?? '',
    email: textAt(row, 'email') ?? '',
    emailVerified: flagAt(row, 'emailVerified'),
    name: textAt(row, 'displayName'),
    password: toHash(hashAt(row, 'passwordHash'), textAt(row, 'salt'), project),
    createdAt: timeAt(row, 'createdAt'),
    banned: flagAt(row, 'disabled'),
    secondFactor: listAt(row, 'mfaInfo').length > 0,
    social: social || null,
    ...toGrants(objectAt(row, 'customAttributes')),
  }
}

function toHash(hash: string | null, salt: string | null, project: Project | undefined) {
  if (hash === null) return null
  if (!project) {
    throw new FieldError(
      'it has a password. Name a file with the hash parameters of the project: --hash-config.',
    )
  }
  const bytes = fromBase64(hash)
  if (bytes.length !== project.signerKey.length) {
    throw new FieldError('the length of passwordHash is not that of base64_signer_key in --hash-config.')
  }
  return firebaseScrypt(project, fromBase64(salt ?? ''), bytes)
}

/** Reads `hash_config { … }` as the console of Firebase shows it. */
async function readHashConfig(path: string): Promise<Project> {
  const text = await readSmallFile(path)
  const read = (name: string, pattern: string) =>
    new RegExp(`\\b${name}"?\\s*[:=]\\s*"?(${pattern})"?`).exec(text)?.[1] ?? ''
  const project = {
    signerKey: fromBase64(read('base64_signer_key', '[\\w+/-]+=*')),
    saltSeparator: fromBase64(read('base64_salt_separator', '[\\w+/-]+=*')),
    rounds: Number(read('rounds', '\\d+')),
    memoryCost: Number(read('mem_cost', '\\d+')),
  }
  const algorithm = read('algorithm', '\\w+')
  if (algorithm === 'SCRYPT' && project.signerKey.length === 64 && project.rounds && project.memoryCost)
    return project
  throw new CommandError(
    `${path} must have the hash parameters of the project, with algorithm SCRYPT, as the console of Firebase shows them.`,
  )
}
