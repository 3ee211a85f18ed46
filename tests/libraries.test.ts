import { execFileSync, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { useAuthServer } from './support/examples.ts'
import { freePort } from './support/process.ts'
import { reportMissing } from './support/programs.ts'
import { useProject } from './support/project.ts'
import { pasteService, startService } from './support/service-pages.ts'

/** A Python with Authlib and PyJWT: `pip install authlib 'pyjwt[crypto]' requests`. */
const PYTHON = process.env.PYTHON ?? 'python3'

const imports = spawnSync(PYTHON, ['-c', 'import authlib, joserfc, jwt, cryptography, requests'])
const hasLibraries = reportMissing('Authlib, PyJWT or requests for Python', imports.status === 0)

const project = useProject()

describe.each(['ES256', 'RS256'])('with ACCESS_TOKEN_ALG=%s', (alg) => {
  const auth = useAuthServer({ ACCESS_TOKEN_ALG: alg, ACCESS_TOKEN_SECONDS: '900' })

  async function signIn() {
    const { client, user } = await auth.registerUser()
    const token = client.kept.accessToken ?? ''
    return { token, damaged: `${token.slice(0, -8)}AAAAAAAA`, userId: user.id }
  }

  /** The subject of a token by the function `verify` of a page; throws if it is refused. */
  async function verify(page: string, path: string, token: string, url = auth.url, before = '') {
    const here = { 'http://localhost:3000': url, ES256: alg }
    const { own } = await pasteService(project, page, here)
    const [run, command, code] = path.endsWith('.py')
      ? ['run.py', PYTHON, PYTHON_CALLER]
      : ['run.ts', process.execPath, CALLER]
    await writeFile(join(own, run), before + code.replace('MODULE', path.replace(/\.py$/, '')))
    return execFileSync(command, [run, token], { cwd: own, encoding: 'utf8', stdio: 'pipe' }).trim()
  }

  test.each([
    ['jose', 'javascript', 'verify.ts'],
    ['jsonwebtoken with jwks-rsa', 'javascript', 'verify.js'],
  ])('%s accepts an access token and refuses a damaged one, as documented', async (_name, page, path) => {
    const { token, damaged, userId } = await signIn()

    expect(await verify(page, path, token)).toBe(userId)
    await expect(verify(page, path, damaged)).rejects.toThrow(/signature/i)
  })

  test.skipIf(!hasLibraries).each([
    ['PyJWT', 'verify.py'],
    ["Authlib's RFC 9068 validator", 'validator.py'],
  ])('%s accepts an access token and refuses a damaged one, as documented', async (_name, path) => {
    const { token, damaged, userId } = await signIn()

    expect(await verify('python', path, token)).toBe(userId)
    await expect(verify('python', path, damaged)).rejects.toThrow(/signature|invalid/i)
  })

  test.skipIf(!hasLibraries)('Authlib accepts a new token if its clock is 25 seconds behind', async () => {
    const { token, userId } = await signIn()
    const shifted = 'import time\nnow = time.time\ntime.time = lambda: now() - 25\n'

    expect(await verify('python', 'validator.py', token, auth.url, shifted)).toBe(userId)
  })

  test('jsonwebtoken tells keys that cannot be fetched from a token that is not valid', async () => {
    const { token } = await signIn()
    const unreachable = `http://127.0.0.1:${await freePort()}`
    const [header, ...rest] = token.split('.')
    const { kid: _, ...unnamed } = JSON.parse(Buffer.from(`${header}`, 'base64url').toString())
    const forged = [Buffer.from(JSON.stringify(unnamed)).toString('base64url'), ...rest].join('.')

    await expect(verify('javascript', 'verify.js', forged)).rejects.toThrow(/JsonWebTokenError/)
    await expect(verify('javascript', 'verify.js', token, unreachable)).rejects.toThrow(/ECONNREFUSED/)
    await expect(verify('javascript', 'verify.js', token, unreachable)).rejects.not.toThrow(
      /JsonWebTokenError/,
    )
  })

  test.skipIf(!hasLibraries).each([
    ['PyJWT', 'verify.py', /jwt\.exceptions\.PyJWKClientConnectionError/],
    ['Authlib', 'validator.py', /requests\.exceptions\.ConnectionError/],
  ])('%s reports keys that cannot be fetched, as documented', async (_name, path, error) => {
    const { token } = await signIn()
    const unreachable = `http://127.0.0.1:${await freePort()}`

    await expect(verify('python', path, token, unreachable)).rejects.toThrow(error)
  })

  test('@graphql-yoga/plugin-jwt accepts an access token and refuses a damaged one, as documented', async () => {
    const { token, damaged, userId } = await signIn()
    const here = { ES256: alg }
    const { origin } = await startService(project, 'yoga', { issuer: auth.url, entry: 'jwt.ts', here })
    const ask = (bearer: string) =>
      fetch(`${origin}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
        body: JSON.stringify({ query: '{ caller }' }),
      })

    const answer = await ask(token)

    expect([answer.status, await answer.json()]).toEqual([200, { data: { caller: userId } }])
    expect((await ask(damaged)).status).toBe(401)
  })
})

const CALLER = `
import { verify } from './MODULE'
console.log((await verify(process.argv[2])).sub)
`

const PYTHON_CALLER = `
import sys
from MODULE import verify
print(verify(sys.argv[1])["sub"])
`
