import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { runJob } from '../rig/process.ts'
import type { Load, Request } from '../rig/wrk.ts'
import { ANY_USER, emailOf, freshEmail, PASSWORD, USERS } from '../subjects/accounts.ts'
import { betterAuth } from '../subjects/better-auth.ts'
import { HASHING, overHttp } from '../subjects/over-http.ts'
import { APPLICATION, parseServer } from '../subjects/parse-server.ts'
import { freshSessions, servauth } from '../subjects/servauth.ts'

/** More than any of the servers gets through, so that nothing that may be sent once is sent twice. */
const MOST_HASHES_A_SECOND = 1_000
const MOST_REFRESHES_A_SECOND = 8000

const post = (path: string, body: unknown, headers = {}): Request => ({ method: 'POST', path, body, headers })

const everybody = Array.from({ length: USERS }, (_, index) => index + 1)

/** Users sign in one after the other, and nobody twice before all the others have. */
const logins = (request: (email: string) => Request) => {
  const load: Load = {
    requests: everybody.map((user) => request(emailOf(user))),
    status: 200,
    text: ANY_USER,
  }
  return async () => () => load
}

/** New accounts at every round. */
const registrations = (request: (email: string) => Request, status: number, text: string) => {
  return async ({ seconds }: Bench) =>
    (): Load => ({
      requests: Array.from(
        { length: Math.ceil(seconds + HASHING.warmUpSeconds) * MOST_HASHES_A_SECOND },
        () => request(freshEmail()),
      ),
      status,
      text,
      once: true,
    })
}

/** A rate without a server, from a program of its own. */
function bare(
  name: string,
  command: string[],
  envOf: (bench: Bench) => Promise<Record<string, string>>,
): Subject {
  return {
    name,
    async open(bench) {
      const env = await envOf(bench)
      return {
        async measure() {
          const program = [process.execPath, ...command, String(bench.seconds)]
          const { rate } = await runJob<{ rate: number }>(bench, program, env)
          return { figures: { 'answers/s': rate }, faults: [] }
        },
        close: async () => {},
      }
    },
  }
}

/** A server on which every answer takes a hash. */
const hashing = (...[name, serverOf, prepare]: Parameters<typeof overHttp>) =>
  overHttp(name, serverOf, prepare, HASHING)

const ours = async (bench: Bench) => (await servauth(bench)).server
const scrypt = (bench: Bench) => betterAuth(bench, 'scrypt')
const argon2id = (bench: Bench) => betterAuth(bench, 'argon2id')

const signInToBetterAuth = logins((email) => post('/api/auth/sign-in/email', { email, password: PASSWORD }))
const signUpToBetterAuth = registrations(
  (email) => post('/api/auth/sign-up/email', { name: 'user', email, password: PASSWORD }),
  200,
  ANY_USER,
)

export const login: Operation = {
  title: 'login',
  subjects: [
    hashing(
      'Servauth',
      ours,
      logins((email) => post('/auth/login', { email, password: PASSWORD, transport: 'TOKEN' })),
    ),
    bare('bare Argon2id, verify', ['servers/argon2.ts', 'verify'], async () => ({})),
    hashing('Better-Auth, Argon2id', argon2id, signInToBetterAuth),
    hashing('Better-Auth, its own hash', scrypt, signInToBetterAuth),
    hashing(
      'Parse Server',
      parseServer,
      logins((email) => post('/parse/login', { username: email, password: PASSWORD }, APPLICATION)),
    ),
  ],
}

export const register: Operation = {
  title: 'register',
  subjects: [
    hashing(
      'Servauth',
      ours,
      registrations(
        (email) => post('/auth/register', { email, password: PASSWORD, transport: 'TOKEN' }),
        201,
        ANY_USER,
      ),
    ),
    bare('bare Argon2id, hash', ['servers/argon2.ts', 'hash'], async () => ({})),
    hashing('Better-Auth, Argon2id', argon2id, signUpToBetterAuth),
    hashing('Better-Auth, its own hash', scrypt, signUpToBetterAuth),
    hashing(
      'Parse Server',
      parseServer,
      registrations(
        (email) => post('/parse/users', { username: email, email, password: PASSWORD }, APPLICATION),
        201,
        '"sessionToken":"r:',
      ),
    ),
  ],
}

export const refresh: Operation = {
  title: 'refresh',
  subjects: [
    overHttp('Servauth, each one rotates', ours, async (bench) => async (): Promise<Load> => {
      const tokens = await freshSessions(bench, Math.ceil(bench.seconds) * MOST_REFRESHES_A_SECOND)
      const requests = tokens.map((refreshToken) => post('/auth/refresh', { refreshToken }))
      return { requests, status: 200, text: ANY_USER, once: true }
    }),
    // Anew for each round: between two of them the grace ends, and what was good is theft.
    overHttp('Servauth, within the grace', ours, async (bench) => async (): Promise<Load> => {
      const tokens = await freshSessions(bench, 1000)
      const requests = tokens.map((refreshToken) => post('/auth/refresh', { refreshToken }))
      return { requests, status: 200, text: ANY_USER }
    }),
    bare('bare transaction of two statements', ['servers/transaction.ts'], async (bench) => ({
      DATABASE_URL: (await servauth(bench)).databaseUrl,
    })),
  ],
}
