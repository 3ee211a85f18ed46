import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { runJob } from '../rig/server-process.ts'
import type { Load, Request } from '../rig/wrk.ts'
import { ANY_USER, createEmail, formatEmail, PASSWORD, USERS } from '../subjects/accounts.ts'
import { setUpBetterAuth } from '../subjects/better-auth.ts'
import { createHttpSubject, HASHING } from '../subjects/http-subject.ts'
import { APPLICATION, setUpParseServer } from '../subjects/parse-server.ts'
import { createSessions, setUpServauth } from '../subjects/servauth.ts'
import { setUpWebhook } from '../subjects/webhook-receiver.ts'

/** More requests than any server can answer, so that no request is sent twice that may be sent only once. */
const MAX_HASHES_PER_SECOND = 1_000
const MAX_REFRESHES_PER_SECOND = 8000

const post = (path: string, body: unknown, headers = {}): Request => ({ method: 'POST', path, body, headers })

const userNumbers = Array.from({ length: USERS }, (_, index) => index + 1)

/** Users sign in in turn: no user signs in twice before all others have. */
const createLogins = (request: (email: string) => Request) => {
  const load: Load = {
    requests: userNumbers.map((user) => request(formatEmail(user))),
    status: 200,
    text: ANY_USER,
  }
  return async () => () => load
}

/** Each round registers new accounts. */
const createRegistrations = (request: (email: string) => Request, status: number, text: string) => {
  return async ({ seconds }: Bench) =>
    (): Load => ({
      requests: Array.from(
        { length: Math.ceil(seconds + HASHING.warmUpSeconds) * MAX_HASHES_PER_SECOND },
        () => request(createEmail()),
      ),
      status,
      text,
      once: true,
    })
}

/** Measures a rate without a server, in a separate program. */
function createBareSubject(
  name: string,
  command: string[],
  createEnv: (bench: Bench) => Promise<Record<string, string>>,
): Subject {
  return {
    name,
    async open(bench) {
      const env = await createEnv(bench)
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

/** A server that computes a password hash for every request. */
const createHashingSubject = (...[name, getServer, prepare]: Parameters<typeof createHttpSubject>) =>
  createHttpSubject(name, getServer, prepare, HASHING)

const getServauth = async (bench: Bench) => (await setUpServauth(bench)).server
const getScryptServer = (bench: Bench) => setUpBetterAuth(bench, 'scrypt')
const getArgon2idServer = (bench: Bench) => setUpBetterAuth(bench, 'argon2id')

const signInToBetterAuth = createLogins((email) =>
  post('/api/auth/sign-in/email', { email, password: PASSWORD }),
)
const signUpToBetterAuth = createRegistrations(
  (email) => post('/api/auth/sign-up/email', { name: 'user', email, password: PASSWORD }),
  200,
  ANY_USER,
)

export const login: Operation = {
  title: 'login',
  subjects: [
    createHashingSubject(
      'Servauth',
      getServauth,
      createLogins((email) => post('/auth/login', { email, password: PASSWORD, transport: 'TOKEN' })),
    ),
    createHashingSubject(
      'Servauth, with a webhook',
      async (bench) => (await setUpWebhook(bench, 'login_webhook')).server,
      createLogins((email) => post('/auth/login', { email, password: PASSWORD, transport: 'TOKEN' })),
    ),
    createBareSubject('bare Argon2id, verify', ['servers/argon2.ts', 'verify'], async () => ({})),
    createHashingSubject('Better-Auth, Argon2id', getArgon2idServer, signInToBetterAuth),
    createHashingSubject('Better-Auth, its own hash', getScryptServer, signInToBetterAuth),
    createHashingSubject(
      'Parse Server',
      setUpParseServer,
      createLogins((email) => post('/parse/login', { username: email, password: PASSWORD }, APPLICATION)),
    ),
  ],
}

export const register: Operation = {
  title: 'register',
  subjects: [
    createHashingSubject(
      'Servauth',
      getServauth,
      createRegistrations(
        (email) => post('/auth/register', { email, password: PASSWORD, transport: 'TOKEN' }),
        201,
        ANY_USER,
      ),
    ),
    createBareSubject('bare Argon2id, hash', ['servers/argon2.ts', 'hash'], async () => ({})),
    createHashingSubject('Better-Auth, Argon2id', getArgon2idServer, signUpToBetterAuth),
    createHashingSubject('Better-Auth, its own hash', getScryptServer, signUpToBetterAuth),
    createHashingSubject(
      'Parse Server',
      setUpParseServer,
      createRegistrations(
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
    createHttpSubject('Servauth, each one rotates', getServauth, async (bench) => async (): Promise<Load> => {
      const tokens = await createSessions(bench, Math.ceil(bench.seconds) * MAX_REFRESHES_PER_SECOND)
      const requests = tokens.map((refreshToken) => post('/auth/refresh', { refreshToken }))
      return { requests, status: 200, text: ANY_USER, once: true }
    }),
    // New sessions for each round: a session of an earlier round would rotate again.
    createHttpSubject('Servauth, within the grace', getServauth, async (bench) => async (): Promise<Load> => {
      const tokens = await createSessions(bench, 1000)
      const requests = tokens.map((refreshToken) => post('/auth/refresh', { refreshToken }))
      return { requests, status: 200, text: ANY_USER }
    }),
    createBareSubject('bare transaction of two statements', ['servers/transaction.ts'], async (bench) => ({
      DATABASE_URL: (await setUpServauth(bench)).databaseUrl,
    })),
  ],
}
