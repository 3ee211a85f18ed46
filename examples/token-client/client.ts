import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { keepTrying, Refusal, request } from '../shared/rest.ts'

type Credentials = { email: string; password: string }
type Tokens = { accessToken: string; refreshToken: string }
type Options = { url: string; file: string }

/**
 * A session of Servauth with the transport `TOKEN`, kept in a file that only its owner can read.
 * Several processes may use the same file at once.
 */
export function createTokenClient({ url, file }: Options) {
  let renewing: Promise<Tokens> | undefined

  async function read(): Promise<Tokens> {
    const text = await readFile(file, 'utf8').catch(() => {
      throw new Error('Nobody is signed in. Sign in first.')
    })
    return JSON.parse(text)
  }

  /** Whole or not at all: whoever reads meanwhile, or after a crash, finds the old tokens or the new ones. */
  async function keep(tokens: Tokens) {
    const { accessToken, refreshToken } = tokens
    const fresh = `${file}.${randomUUID()}`
    await writeFile(fresh, JSON.stringify({ accessToken, refreshToken }), { mode: 0o600, flag: 'wx' })
    await rename(fresh, file)
    return tokens
  }

  const signIn = async (path: string, credentials: Credentials) => {
    const body = { ...credentials, transport: 'TOKEN' }
    await keep(await request<Tokens>(`${url}${path}`, { method: 'POST', body }))
  }

  /** Tokens other than the refused ones; all who ask meanwhile share one request. @throws `Refusal` when the session is over. */
  function renew(refused: Tokens): Promise<Tokens> {
    renewing ??= renewed(refused).finally(() => {
      renewing = undefined
    })
    return renewing
  }

  async function renewed(refused: Tokens) {
    const tokens = await read()
    // Another process, or an earlier call of this one, was first. An old refresh token would look stolen.
    if (tokens.accessToken !== refused.accessToken) return tokens
    const { refreshToken } = tokens
    try {
      const refresh = { method: 'POST', body: { refreshToken } }
      return await keep(await keepTrying(() => request<Tokens>(`${url}/auth/refresh`, refresh)))
    } catch (fault) {
      if (fault instanceof Refusal && fault.status === 401) await rm(file, { force: true })
      throw fault
    }
  }

  return {
    signUp: (credentials: Credentials) => signIn('/auth/register', credentials),
    signIn: (credentials: Credentials) => signIn('/auth/login', credentials),

    /** Reads something of the signed-in user, with a fresh access token where the old one has expired. */
    async get<T>(path: string): Promise<T> {
      const send = ({ accessToken }: Tokens) =>
        keepTrying(() => request<T>(`${url}${path}`, { headers: { authorization: `Bearer ${accessToken}` } }))
      const used = await read()
      return send(used).catch(async (fault: unknown) => {
        if (fault instanceof Refusal && fault.reason === 'EXPIRED') return send(await renew(used))
        throw fault
      })
    },

    async signOut() {
      const { refreshToken } = await read()
      // Doing it twice does no harm.
      await keepTrying(() => request(`${url}/auth/logout`, { method: 'POST', body: { refreshToken } }))
      await rm(file, { force: true })
    },
  }
}
