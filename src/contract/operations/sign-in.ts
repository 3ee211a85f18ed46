import { z } from 'zod'
import { Email, FactorProof, OpaqueId, profile, RefreshTokenField, TransportChoice } from '../fields.ts'
import { GRACE_SECONDS } from '../lifetimes.ts'
import { mutation } from '../operation.ts'
import { AuthPayload, RegisterPayload } from '../outputs/auth-payload.ts'
import { NewPassword, Password, personalPassword } from '../password.ts'

const example = { email: 'ada@example.com', password: 'a long enough phrase' }

const RegisterInput = z
  .strictObject({ email: Email, password: NewPassword, ...profile, transport: TransportChoice })
  .refine(personalPassword.allows, personalPassword.issue)
  .meta({ id: 'RegisterInput' })

const LoginInput = z
  .strictObject({ email: Email, password: Password, transport: TransportChoice })
  .meta({ id: 'LoginInput' })

const CompleteLoginInput = z
  .strictObject({
    challenge: OpaqueId.meta({ description: 'The id of the challenge that the sign-in was answered with.' }),
    proof: FactorProof,
  })
  .meta({ id: 'CompleteLoginInput' })

const RefreshInput = z
  .strictObject({
    refreshToken: RefreshTokenField.nullish().meta({
      description: 'Only with transport `TOKEN`; left out, the cookie is read.',
    }),
  })
  .meta({ id: 'RefreshInput' })

const LogoutInput = z
  .strictObject({
    refreshToken: RefreshTokenField.nullish().meta({
      description: 'Left out, the bearer or the cookie names the session.',
    }),
  })
  .meta({ id: 'LogoutInput' })

export const signInOperations = {
  register: mutation({
    tag: 'Signing in',
    summary: 'Create an account and sign in',
    description:
      'With transport `COOKIE` only the cookie holds the secret of the session; with `TOKEN` it is `refreshToken`. ' +
      'A session that the request presents ends. If addresses must be verified first, no session is opened, and a ' +
      'taken address gets the same answer as a new one; otherwise it gets `EMAIL_TAKEN`. Without `locale`, the account ' +
      'has the language of `Accept-Language`.',
    input: RegisterInput,
    example: { ...example, username: 'Ada' },
    output: RegisterPayload,
    handlesCredential: true,
    refusals: ['EMAIL_TAKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/register', status: 201, cookie: 'set' },
  }),

  login: mutation({
    tag: 'Signing in',
    summary: 'Sign in',
    description:
      'A wrong password and an unknown address get the same answer. A session that the request presents ends. ' +
      'After five failures at an account each further attempt must wait, longer each time. Networks and browsers from ' +
      'which the account signed in before are counted apart, so failures elsewhere do not make them wait. An account with ' +
      'a second factor gets no session yet: `SECOND_FACTOR_REQUIRED` has a `challenge` for `completeLogin`.',
    input: LoginInput,
    example,
    output: AuthPayload,
    handlesCredential: true,
    refusals: [
      'INVALID_CREDENTIALS',
      'SECOND_FACTOR_REQUIRED',
      'EMAIL_NOT_VERIFIED',
      'TOO_MANY_REQUESTS',
      'SERVICE_UNAVAILABLE',
    ],
    rest: { method: 'POST', path: '/auth/login', status: 200, cookie: 'set' },
  }),

  completeLogin: mutation({
    tag: 'Signing in',
    summary: 'Complete a sign-in with a second factor',
    description:
      'Takes the challenge of `SECOND_FACTOR_REQUIRED`. The transport is that of the sign-in. Each code counts once. A ' +
      'wrong code leaves the challenge valid. After five failures at an account, over all methods and challenges, each ' +
      'further attempt must wait. A challenge ends when the password changes. A session that the request presents ends.',
    input: CompleteLoginInput,
    example: { challenge: '5b1f0c8e-2d6a-4f3b-9c0d-7e4a1b2c3d4e', proof: { totp: '123456' } },
    output: AuthPayload,
    handlesCredential: true,
    refusals: [
      'INVALID_TOKEN',
      'INVALID_CREDENTIALS',
      'EMAIL_NOT_VERIFIED',
      'TOO_MANY_REQUESTS',
      'SERVICE_UNAVAILABLE',
    ],
    rest: { method: 'POST', path: '/auth/login/complete', status: 200, cookie: 'set' },
  }),

  refresh: mutation({
    tag: 'Signing in',
    summary: 'Get a new access token and the current secret of the session',
    description:
      'Reads the refresh token from the input or from the cookie; REST also reads it from the bearer. The ' +
      `token rotates at most once in ${GRACE_SECONDS} seconds. The previous token stays valid until ${GRACE_SECONDS} seconds after ` +
      'the first use of the new one, so parallel requests and lost answers do no harm. A token that is used after that ' +
      'was stolen: the session ends with `REFRESH_REUSED`.',
    input: RefreshInput.prefault({}),
    example: {},
    output: AuthPayload,
    handlesCredential: true,
    credentials: ['cookie', 'refreshToken'],
    credentialsOptional: true,
    refusals: ['REFRESH_REUSED', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/refresh', status: 200, cookie: 'set' },
  }),

  logout: mutation({
    tag: 'Signing in',
    summary: 'End this session',
    description:
      'Works with an expired or unknown credential too. Only a request without any is `UNAUTHENTICATED`.',
    input: LogoutInput.prefault({}),
    example: {},
    output: z.boolean(),
    handlesCredential: true,
    credentials: ['bearer', 'cookie', 'refreshToken'],
    credentialsOptional: true,
    refusals: ['SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/logout', status: 204, cookie: 'cleared' },
  }),
}
