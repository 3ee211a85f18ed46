import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { isSessionOver, request, retry, ServauthError } from '../../packages/client/src/rest.ts'

type Credentials = { email: string; password: string }
type Tokens = { accessToken: string; refreshToken: string }
type Options = { url: string; file: string }

/**
 * A client for a session with the transport `TOKEN`. Keeps the tokens in a file that only its owner can read.
 * Several processes may use the same file at the same time.
 */
export function createTokenClient({ url, file }: Options) {
  let renewing: Promise<Tokens> | undefined

  async function readTokens(): Promise<Tokens> {
    const text = await readFile(file, 'utf8').catch(() => {
      throw new Error('You are not signed in. Sign in first.')
    })
    return JSON.parse(text)
  }

  /** Replaces the whole file at once, so that no reader finds an incomplete file, even after a crash. */
  async function writeTokens(tokens: Tokens) {
    const { accessToken, refreshToken } = tokens
    const fresh = `${file}.${randomUUID()}`
    await writeFile(fresh, JSON.stringify({ accessToken, refreshToken }), { mode: 0o600, flag: 'wx' })
    await rename(fresh, file)
    return tokens
  }

  const signIn = async (path: string, credentials: Credentials) => {
    const body = { ...credentials, transport: 'TOKEN' }
    await writeTokens(await request<Tokens>(`${url}${path}`, { method: 'POST', body }))
  }

  /** Returns new tokens. Concurrent calls share one request. @throws `ServauthError` if the session is over */
  function renew(refused: Tokens): Promise<Tokens> {
    renewing ??= refreshTokens(refused).finally(() => {
      renewing = undefined
    })
    return renewing
  }

  async function refreshTokens(refused: Tokens) {
    try {
      return await retry(async (signal) => {
        // Read again for each attempt: sending a refresh token that another process has replaced would look like theft.
        const tokens = await readTokens()
        if (tokens.accessToken !== refused.accessToken) return tokens
        const body = { refreshToken: tokens.refreshToken }
        return writeTokens(await request<Tokens>(`${url}/auth/refresh`, { method: 'POST', body, signal }))
      })
    } catch (fault) {
      if (isSessionOver(fault)) await rm(file, { force: true })
      throw fault
    }
  }

  return {
    signUp: (credentials: Credentials) => signIn('/auth/register', credentials),
    signIn: (credentials: Credentials) => signIn('/auth/login', credentials),

    /** Reads a path as the signed-in user. Refreshes the access token if it has expired. */
    async get<T>(path: string): Promise<T> {
      const send = ({ accessToken }: Tokens) =>
        retry((signal) =>
          request<T>(`${url}${path}`, { headers: { authorization: `Bearer ${accessToken}` }, signal }),
        )
      const used = await readTokens()
      return send(used).catch(async (fault: unknown) => {
        if (fault instanceof ServauthError && fault.reason === 'EXPIRED') return send(await renew(used))
        throw fault
      })
    },

    async signOut() {
      const { refreshToken } = await readTokens()
      // A logout may be sent twice.
      await retry((signal) =>
        request(`${url}/auth/logout`, { method: 'POST', body: { refreshToken }, signal }),
      )
      await rm(file, { force: true })
    },
  }
}
