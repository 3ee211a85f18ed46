import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { formatHash } from '../../src/auth/passwords/hashes/stored-hash.ts'
import type { Operation } from '../rig/bench.ts'
import { median } from '../rig/results.ts'
import { startServer } from '../rig/server-process.ts'
import { formatEmail } from '../subjects/accounts.ts'
import { setUpServauth } from '../subjects/servauth.ts'

const bytes = (count: number) => randomBytes(count)
const bcryptLetters = (count: number) => bytes(count).toString('base64').replaceAll('+', '.').slice(0, count)

/** Hashes as other systems have them. No password is right. */
const IMPORTED: Record<string, () => string> = {
  bcrypt: () => `$2b$10$${bcryptLetters(21)}.${bcryptLetters(31)}`,
  'PBKDF2 with SHA-256': () => formatHash('pbkdf2-sha256', { i: 260_000, l: 32 }, bytes(16), bytes(32)),
  'PBKDF2 with SHA-512': () => formatHash('pbkdf2-sha512', { i: 210_000, l: 64 }, bytes(16), bytes(64)),
  scrypt: () => formatHash('scrypt', { ln: 15, r: 8, p: 1, l: 64 }, bytes(16), bytes(64)),
  Argon2i: () =>
    formatHash('argon2i', { v: 19, m: 65_536, t: 2, p: 1 }, bytes(16), bytes(32)).replace(',m=', '$m='),
}
const LOGINS = 20

const LARGEST_RATIO = 'largest median / smallest'

const shuffle = <T>(items: T[]) =>
  items
    .map((item) => [Math.random(), item] as const)
    .sort(([one], [other]) => one - other)
    .map(([, item]) => item)

/** The processor time of a sign-in that fails, by what is stored for the address. It should reveal nothing. */
export const failedLogins: Operation = {
  title: 'failed login, with five kinds of imported hashes',
  subjects: [
    {
      name: 'Servauth',
      async open(bench) {
        const { server, databaseUrl } = await setUpServauth(bench, 'failed_logins')
        const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
        const addresses = new Map([
          ['no account', 'unknown@bench.test'],
          ['own Argon2id', formatEmail(Object.keys(IMPORTED).length + 1)],
        ])
        for (const [index, [kind, createHash]] of Object.entries(IMPORTED).entries()) {
          const email = formatEmail(index + 1)
          addresses.set(kind, email)
          await sql`update users set password = ${createHash()} where email = ${email}`
        }
        await sql.end()
        const running = await startServer(bench, server)
        for (const email of addresses.values()) await fail(email)

        async function fail(email: string) {
          const answer = await fetch(`${running.url}/auth/login`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', connection: 'close' },
            body: JSON.stringify({ email, password: 'not the password' }),
          })
          if (answer.status !== 401) throw new Error(`A failed login was answered with ${answer.status}`)
        }

        return {
          async measure() {
            const taken = new Map([...addresses.keys()].map((kind) => [kind, [] as number[]]))
            for (let login = 0; login < LOGINS; login++) {
              // In turn and in another order each time, so that neither the machine nor the login before favours a kind.
              for (const [kind, email] of shuffle([...addresses])) {
                const before = running.cpuSeconds()
                await fail(email)
                taken.get(kind)?.push((running.cpuSeconds() - before) * 1000)
              }
            }
            const medians = new Map([...taken].map(([kind, all]) => [kind, median(all)]))
            const figures = {
              ...Object.fromEntries(
                medians.entries().map(([kind, ms]) => [`ms of a processor, ${kind}`, ms]),
              ),
              [LARGEST_RATIO]: Math.max(...medians.values()) / Math.min(...medians.values()),
            }
            return { figures, faults: [] }
          },
          close: () => running.stop(),
        }
      },
    },
  ],
}
