import { Hono } from 'hono'
import { viewerOf } from '../auth/caller.ts'
import {
  ChangePasswordInput,
  DeleteMeInput,
  EventsInput,
  LoginInput,
  LogoutInput,
  parse,
  RefreshInput,
  RegisterInput,
  RequestEmailVerificationInput,
  RequestPasswordResetInput,
  ResetPasswordInput,
  UndoEmailChangeInput,
  UpdateMeInput,
  VerifyEmailInput,
} from '../auth/inputs.ts'
import type { AuthService } from '../auth/service.ts'
import { readJson } from '../http/body.ts'
import type { AppContext, AppEnv } from '../http/context.ts'

/** The operations of the contract as thin aliases under `/auth`. */
export function authRoutes(auth: AuthService) {
  const app = new Hono<AppEnv>({ strict: true })

  app.post('/register', async (c) => {
    const input = parse(RegisterInput, readJson(c))
    return c.json(await auth.register(input, c.var.caller), 201)
  })

  app.post('/login', async (c) => {
    const input = parse(LoginInput, readJson(c))
    return c.json(await auth.login(input, c.var.caller))
  })

  app.post('/refresh', async (c) => {
    const input = parse(RefreshInput, readJson(c) ?? {})
    return c.json(await auth.refresh({ refreshToken: input.refreshToken ?? bearerSecret(c) }, c.var.caller))
  })

  app.post('/logout', async (c) => {
    const input = parse(LogoutInput, readJson(c) ?? {})
    await auth.logout(input, c.var.caller)
    return c.body(null, 204)
  })

  app.get('/me', async (c) => c.json((await viewerOf(c.get('caller'))).user))

  app.put('/me', async (c) => {
    const input = parse(UpdateMeInput, readJson(c))
    return c.json(await auth.updateMe(input, c.var.caller))
  })

  app.delete('/me', async (c) => {
    const input = parse(DeleteMeInput, readJson(c) ?? {})
    await auth.deleteMe(input, c.var.caller)
    return c.body(null, 204)
  })

  app.put('/password', async (c) => {
    const input = parse(ChangePasswordInput, readJson(c))
    return c.json(await auth.changePassword(input, c.var.caller))
  })

  app.post('/password-reset', async (c) => {
    const input = parse(RequestPasswordResetInput, readJson(c))
    await auth.requestPasswordReset(input, c.var.caller)
    return c.body(null, 202)
  })

  app.post('/password-reset/confirm', async (c) => {
    const input = parse(ResetPasswordInput, readJson(c))
    await auth.resetPassword(input, c.var.caller)
    return c.body(null, 204)
  })

  app.post('/email-verification', async (c) => {
    const input = parse(RequestEmailVerificationInput.optional(), readJson(c))
    await auth.requestEmailVerification(input, c.var.caller)
    return c.body(null, 202)
  })

  app.post('/email-verification/confirm', async (c) => {
    const input = parse(VerifyEmailInput, readJson(c))
    await auth.verifyEmail(input, c.var.caller)
    return c.body(null, 204)
  })

  app.post('/email-change/undo', async (c) => {
    const input = parse(UndoEmailChangeInput, readJson(c))
    await auth.undoEmailChange(input, c.var.caller)
    return c.body(null, 204)
  })

  app.get('/sessions', async (c) => c.json(await auth.sessions(c.var.caller)))

  app.delete('/sessions', async (c) => c.json({ revoked: await auth.revokeOtherSessions(c.var.caller) }))

  app.delete('/sessions/:id', async (c) => {
    await auth.revokeSession(c.req.param('id'), c.var.caller)
    return c.body(null, 204)
  })

  app.get('/events', async (c) => {
    const input = parse(EventsInput, c.req.query())
    return c.json(await auth.events(input, c.var.caller))
  })

  return app
}

/** REST takes the refresh token as the bearer too. An access token, told by its dots, is not one. */
function bearerSecret(c: AppContext) {
  const { bearer } = c.var.caller
  return bearer && !bearer.includes('.') ? bearer : null
}
