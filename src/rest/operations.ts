import { z } from 'zod'
import {
  ChangePasswordInput,
  DeleteMeInput,
  EventsInput,
  LoginInput,
  LogoutInput,
  RefreshInput,
  RegisterInput,
  RequestEmailVerificationInput,
  RequestPasswordResetInput,
  ResetPasswordInput,
  UndoEmailChangeInput,
  UpdateMeInput,
  VerifyEmailInput,
} from '../contract/inputs.ts'
import { AuthPayload, Event, RegisterPayload, Session, User } from '../contract/outputs.ts'
import { type Operation, operation } from './route.ts'

const SIGNED_IN: Operation['credentials'] = ['bearer', 'cookie']

const email = 'ada@example.com'
const password = 'a long enough phrase'
const token = 'AZ3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq'

export const register = operation({
  id: 'register',
  tag: 'Signing in',
  summary: 'Make an account and sign in',
  description:
    'With transport `COOKIE` the secret of the session travels in the cookie alone, with `TOKEN` in `refreshToken`. ' +
    'A session that is presented ends. Where addresses must be verified first nobody is signed in, and an address ' +
    'that is taken gets the same answer as a new one; else it is `EMAIL_TAKEN`.',
  input: RegisterInput,
  example: { email, password, username: 'Ada' },
  status: 201,
  answer: RegisterPayload,
  cookie: 'set',
  refusals: ['EMAIL_TAKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
})

export const login = operation({
  id: 'login',
  tag: 'Signing in',
  summary: 'Sign in',
  description:
    'A wrong password and an unknown address get the same answer. A session that is presented ends. ' +
    'After five failures each further attempt at an account has to wait, longer each time.',
  input: LoginInput,
  example: { email, password },
  status: 200,
  answer: AuthPayload,
  cookie: 'set',
  refusals: ['INVALID_CREDENTIALS', 'EMAIL_NOT_VERIFIED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
})

export const refresh = operation({
  id: 'refresh',
  tag: 'Signing in',
  summary: 'Get a fresh access token and the current secret',
  description:
    'Takes the refresh token from the body, the bearer or the cookie. It rotates at most once in 30 seconds, and for ' +
    'so long its predecessor is good too: requests at once and lost replies do no harm. A token that is used later ' +
    'than that was stolen: its session ends with `REFRESH_REUSED`.',
  input: RefreshInput.prefault({}),
  example: {},
  status: 200,
  answer: AuthPayload,
  credentials: ['cookie', 'refreshToken'],
  credentialsOptional: true,
  cookie: 'set',
  refusals: ['REFRESH_REUSED', 'SERVICE_UNAVAILABLE'],
})

export const logout = operation({
  id: 'logout',
  tag: 'Signing in',
  summary: 'End this session',
  description: 'Works with an expired or unknown credential too; only without any it is `UNAUTHENTICATED`.',
  input: LogoutInput.prefault({}),
  example: {},
  status: 204,
  credentials: ['bearer', 'cookie', 'refreshToken'],
  credentialsOptional: true,
  cookie: 'cleared',
  refusals: ['SERVICE_UNAVAILABLE'],
})

export const me = operation({
  id: 'me',
  tag: 'Account',
  summary: 'The signed-in user',
  description:
    'A revoked session, a changed password or a deleted account is felt within a quarter of a second.',
  status: 200,
  answer: User,
  credentials: SIGNED_IN,
  refusals: ['SERVICE_UNAVAILABLE'],
})

export const updateMe = operation({
  id: 'updateMe',
  tag: 'Account',
  summary: 'Change the user name or the e-mail address',
  description:
    'A new address needs a session that signed in within 15 minutes, or the current password. Where the present one ' +
    'is verified, the new one is `pendingEmail` until its owner follows the mailed link; else it takes effect at once ' +
    'and other sessions end.',
  input: UpdateMeInput,
  example: { username: 'Ada Lovelace' },
  status: 200,
  answer: User,
  credentials: SIGNED_IN,
  cookie: 'set',
  refusals: [
    'INVALID_CREDENTIALS',
    'REAUTHENTICATION_REQUIRED',
    'EMAIL_TAKEN',
    'TOO_MANY_REQUESTS',
    'SERVICE_UNAVAILABLE',
  ],
})

export const deleteMe = operation({
  id: 'deleteMe',
  tag: 'Account',
  summary: 'Delete the account and all that is its',
  description: 'Needs a session that signed in within 15 minutes, or the password.',
  input: DeleteMeInput.prefault({}),
  example: { password },
  status: 204,
  credentials: SIGNED_IN,
  cookie: 'cleared',
  refusals: ['INVALID_CREDENTIALS', 'REAUTHENTICATION_REQUIRED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
})

export const changePassword = operation({
  id: 'changePassword',
  tag: 'Account',
  summary: 'Change the password',
  description: 'This session goes on with a new secret; every other one ends.',
  input: ChangePasswordInput,
  example: { currentPassword: password, newPassword: 'a longer phrase still' },
  status: 200,
  answer: AuthPayload,
  credentials: SIGNED_IN,
  cookie: 'set',
  refusals: ['INVALID_CREDENTIALS', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
})

export const requestPasswordReset = operation({
  id: 'requestPasswordReset',
  tag: 'By mail',
  summary: 'Have a link mailed that sets a new password',
  description: 'If there is such an account; the answer never tells.',
  input: RequestPasswordResetInput,
  example: { email },
  status: 202,
  refusals: ['SERVICE_UNAVAILABLE'],
})

export const resetPassword = operation({
  id: 'resetPassword',
  tag: 'By mail',
  summary: 'Set a new password',
  description: 'Ends every session, and signs nobody in.',
  input: ResetPasswordInput,
  example: { token, newPassword: 'a longer phrase still' },
  status: 204,
  refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
})

export const requestEmailVerification = operation({
  id: 'requestEmailVerification',
  tag: 'By mail',
  summary: 'Have a link mailed that verifies an address',
  description:
    'Without a body for the signed-in user, the pending address first; with one by address, and the answer never tells.',
  input: RequestEmailVerificationInput.optional(),
  example: { email },
  status: 202,
  credentials: SIGNED_IN,
  credentialsOptional: true,
  refusals: ['SERVICE_UNAVAILABLE'],
})

export const verifyEmail = operation({
  id: 'verifyEmail',
  tag: 'By mail',
  summary: 'Verify an address, or put a pending one in force',
  description: 'The session that asked for a change goes on, with a new secret where its cookie comes along.',
  input: VerifyEmailInput,
  example: { token },
  status: 204,
  cookie: 'set',
  refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
})

export const undoEmailChange = operation({
  id: 'undoEmailChange',
  tag: 'By mail',
  summary: 'Put the earlier address back',
  description: 'From the link mailed to it, within 72 hours. Ends every session.',
  input: UndoEmailChangeInput,
  example: { token },
  status: 204,
  refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
})

export const sessions = operation({
  id: 'sessions',
  tag: 'Sessions and events',
  summary: 'Where this user is signed in, newest first',
  description: 'Live sessions alone; `current` is the one that asks.',
  status: 200,
  answer: z.array(Session),
  credentials: SIGNED_IN,
  refusals: ['SERVICE_UNAVAILABLE'],
})

export const revokeOtherSessions = operation({
  id: 'revokeOtherSessions',
  tag: 'Sessions and events',
  summary: 'End every session but this one',
  description: 'Their access tokens are refused here at once.',
  status: 200,
  answer: z
    .strictObject({
      revoked: z
        .int()
        .min(0)
        .meta({ description: 'How many were ended.', examples: [2] }),
    })
    .meta({ id: 'Revoked' }),
  credentials: SIGNED_IN,
  refusals: ['SERVICE_UNAVAILABLE'],
})

export const revokeSession = operation({
  id: 'revokeSession',
  tag: 'Sessions and events',
  summary: 'End one of this user’s sessions',
  description: 'The current one included. `NOT_FOUND` for any other id, whatever it is.',
  // The service judges the id: what is no id names no session either.
  input: z.strictObject({ id: z.string().meta({ format: 'uuid' }) }),
  inputIn: 'path',
  status: 204,
  credentials: SIGNED_IN,
  cookie: 'cleared',
  refusals: ['NOT_FOUND', 'SERVICE_UNAVAILABLE'],
})

export const events = operation({
  id: 'events',
  tag: 'Sessions and events',
  summary: 'What happened to this account lately, newest first',
  description:
    'Sign-ins, failed ones too, and every change, with the address and the program they came from.',
  input: EventsInput,
  inputIn: 'query',
  status: 200,
  answer: z.array(Event),
  credentials: SIGNED_IN,
  refusals: ['INVALID_INPUT', 'SERVICE_UNAVAILABLE'],
})

export const health = operation({
  id: 'health',
  tag: 'Server',
  summary: 'Whether the process lives',
  description:
    'Asks nobody. An orchestrator restarts a process that does not answer. It says which version runs where its ' +
    'owner has set `PUBLISH_VERSION`.',
  status: 200,
  answer: z.strictObject({ status: z.literal('ok'), version: z.string().optional() }).meta({ id: 'Health' }),
  refusals: [],
})

export const ready = operation({
  id: 'ready',
  tag: 'Server',
  summary: 'Whether it can serve',
  description: 'The database answers and its migrations are in. A balancer sends no requests before.',
  status: 200,
  answer: z.strictObject({ status: z.literal('ready') }).meta({ id: 'Ready' }),
  refusals: ['SERVICE_UNAVAILABLE'],
})

export const publishedKeys = operation({
  id: 'publishedKeys',
  tag: 'Server',
  summary: 'The public keys that verify access tokens',
  description: 'A JSON Web Key Set (RFC 7517), so that other services verify without asking.',
  status: 200,
  answer: z
    .strictObject({
      keys: z.array(
        z.looseObject({
          kty: z
            .string()
            .optional()
            .meta({ examples: ['OKP'] }),
          crv: z
            .string()
            .optional()
            .meta({ examples: ['Ed25519'] }),
          alg: z
            .string()
            .optional()
            .meta({ examples: ['EdDSA'] }),
          use: z
            .string()
            .optional()
            .meta({ examples: ['sig'] }),
          kid: z
            .string()
            .optional()
            .meta({ examples: ['6f0a4c1e-9d57-4f1d-8a7c-9b100b8d3f0e'] }),
          x: z
            .string()
            .optional()
            .meta({ examples: ['11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'] }),
        }),
      ),
    })
    .meta({ id: 'KeySet' }),
  cacheSeconds: 300,
  refusals: ['SERVICE_UNAVAILABLE'],
})

export const openApiDocument = operation({
  id: 'openApiDocument',
  tag: 'Server',
  summary: 'This document',
  description: 'OpenAPI 3.1, made of the schemas that the routes parse with.',
  status: 200,
  answer: z.looseObject({ openapi: z.string().meta({ examples: ['3.1.0'] }) }).meta({ id: 'OpenAPI' }),
  cacheSeconds: 300,
  refusals: [],
})
