import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'

const letters = (count: number) => randomBytes(count).toString('base64').replaceAll('+', '.').slice(0, count)
const base64 = (count: number) => randomBytes(count).toString('base64').replaceAll('=', '')
const bcrypt = () => `$2b$10$${letters(21)}.${letters(31)}`
const argon2id = () => `$argon2id$v=19$m=19456,t=2,p=1$${base64(16)}$${base64(32)}`

type Writer = { start: string; row: (index: number) => string; between: string; end: string }

/** Exports as other systems write them: half of the hashes of CSV are bcrypt, and half Argon2id. */
export const EXPORTS: Record<string, Writer> = {
  csv: {
    start: 'id,email,email_verified,username,password_hash,created_at\n',
    row: (index) =>
      `${crypto.randomUUID()},user${index}@import.example,true,User ${index},"${index % 2 ? bcrypt() : argon2id()}",2024-05-06T07:08:09Z\n`,
    between: '',
    end: '',
  },
  json: {
    start: '[',
    row: (index) =>
      JSON.stringify({
        id: crypto.randomUUID(),
        email: `user${index}@import.example`,
        emailVerified: true,
        username: `User ${index}`,
        password: index % 2 ? bcrypt() : argon2id(),
        createdAt: '2024-05-06T07:08:09Z',
      }),
    between: ',\n',
    end: ']',
  },
  keycloak: {
    start: '{"realm":"bench","users":[',
    row: (index) =>
      JSON.stringify({
        id: crypto.randomUUID(),
        username: `user${index}`,
        firstName: 'User',
        lastName: String(index),
        email: `user${index}@import.example`,
        emailVerified: true,
        enabled: true,
        createdTimestamp: 1_715_000_000_000,
        credentials: [
          {
            id: crypto.randomUUID(),
            type: 'password',
            secretData: JSON.stringify({ value: base64(64), salt: base64(16), additionalParameters: {} }),
            credentialData: JSON.stringify({ hashIterations: 210_000, algorithm: 'pbkdf2-sha512' }),
          },
        ],
        realmRoles: ['default-roles-bench'],
        groups: [],
      }),
    between: ',\n',
    end: ']}',
  },
}

/** Writes the export of a source of {@link EXPORTS}, with this many accounts. */
export async function writeExport(path: string, source: string, count: number) {
  const { start, row, between, end } = EXPORTS[source] as Writer
  const file = createWriteStream(path)
  file.write(start)
  for (let index = 0; index < count; index += 1000) {
    const part = Array.from({ length: Math.min(1000, count - index) }, (_, offset) => row(index + offset))
    if (!file.write((index > 0 ? between : '') + part.join(between))) await once(file, 'drain')
  }
  file.end(end)
  await once(file, 'close')
}
