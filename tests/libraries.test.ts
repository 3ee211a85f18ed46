import { execFileSync, spawnSync } from 'node:child_process'
import {
  createRemoteJwksSigningKeyProvider,
  type JWTExtendContextFields,
  useJWT,
} from '@graphql-yoga/plugin-jwt'
import { createSchema, createYoga } from 'graphql-yoga'
import jwt from 'jsonwebtoken'
import { JwksClient } from 'jwks-rsa'
import { describe, expect, test } from 'vitest'
import { useAuthServer } from './support/examples.ts'
import { reportMissing } from './support/programs.ts'

/** A Python with Authlib and PyJWT: `pip install authlib 'pyjwt[crypto]' requests`. */
const PYTHON = process.env.PYTHON ?? 'python3'

function runPython(code: string, ...args: string[]) {
  return execFileSync(PYTHON, ['-c', code, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim()
}

const imports = spawnSync(PYTHON, ['-c', 'import authlib, jwt, cryptography, requests'])
const hasLibraries = reportMissing('Authlib, PyJWT or requests for Python', imports.status === 0)

describe.each(['ES256', 'RS256'])('with ACCESS_TOKEN_ALG=%s', (alg) => {
  const auth = useAuthServer({ ACCESS_TOKEN_ALG: alg, ACCESS_TOKEN_SECONDS: '900' })

  async function signIn() {
    const { client, user } = await auth.registerUser()
    return { token: client.kept.accessToken ?? '', userId: user.id }
  }
  const jwksUri = () => `${auth.url}/.well-known/jwks.json`

  test('@graphql-yoga/plugin-jwt accepts an access token as its documents configure it', async () => {
    const { token, userId } = await signIn()
    const yoga = createYoga({
      logging: false,
      schema: createSchema({
        typeDefs: 'type Query { caller: String }',
        resolvers: {
          Query: {
            caller: (_root, _args, { jwt: verified }: { jwt?: JWTExtendContextFields }) =>
              verified?.payload.sub,
          },
        },
      }),
      plugins: [
        useJWT({
          signingKeyProviders: [createRemoteJwksSigningKeyProvider({ jwksUri: jwksUri() })],
          tokenVerification: { issuer: auth.url, audience: auth.url, algorithms: ['RS256', 'ES256'] },
          extendContext: true,
        }),
      ],
    })
    const ask = (bearer: string) =>
      yoga.fetch('http://yoga/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
        body: JSON.stringify({ query: '{ caller }' }),
      })

    const answer = await ask(token)

    expect([answer.status, await answer.json()]).toEqual([200, { data: { caller: userId } }])
    expect((await ask(`${token.slice(0, -8)}AAAAAAAA`)).status).toBe(401)
  })

  test('jsonwebtoken with jwks-rsa accepts an access token as its documents configure it', async () => {
    const { token, userId } = await signIn()
    const client = new JwksClient({ jwksUri: jwksUri() })
    const getKey: jwt.GetPublicKeyOrSecret = (header, callback) => {
      client.getSigningKey(header.kid, (error, key) => callback(error, key?.getPublicKey()))
    }

    const claims = await new Promise<jwt.JwtPayload>((resolve, reject) => {
      jwt.verify(token, getKey, { issuer: auth.url, audience: auth.url }, (error, decoded) =>
        error ? reject(error) : resolve(decoded as jwt.JwtPayload),
      )
    })

    expect(claims.sub).toBe(userId)
  })

  test.skipIf(!hasLibraries)("Authlib's RFC 9068 validator accepts an access token", async () => {
    const { token, userId } = await signIn()

    const subject = runPython(AUTHLIB, auth.url, token)

    expect(subject).toBe(userId)
  })

  test.skipIf(!hasLibraries)('PyJWT accepts an access token by the published keys', async () => {
    const { token, userId } = await signIn()

    expect(runPython(PYJWT, auth.url, token, alg)).toBe(userId)
  })
})

const AUTHLIB = `
import sys, requests
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator

class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        return requests.get(f"{self.issuer}/.well-known/jwks.json").json()

issuer, token = sys.argv[1:]
validator = Validator(issuer=issuer, resource_server=issuer)
claims = validator.authenticate_token(token)
validator.validate_token(claims, [], None)
print(claims["sub"])
`

const PYJWT = `
import sys, jwt
issuer, token, alg = sys.argv[1:]
keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json")
print(jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=[alg], issuer=issuer, audience=issuer)["sub"])
`
