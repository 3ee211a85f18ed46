import { Hono } from 'hono'
import type { AuthService } from '../auth/service.ts'
import { type Caller, type Viewer, viewerOf } from '../contract/caller.ts'
import type { AppEnv } from '../http/context.ts'
import * as operations from './operations.ts'
import { documented, route } from './route.ts'

/** The operations of the contract as thin aliases under `/auth`. */
export function authRoutes(auth: AuthService) {
  const app = new Hono<AppEnv>()

  app.post('/register', route(operations.register, auth.register))
  app.post('/login', route(operations.login, auth.login))
  app.post(
    '/refresh',
    route(operations.refresh, ({ refreshToken }, caller) =>
      auth.refresh({ refreshToken: refreshToken ?? bearerSecret(caller) }, caller),
    ),
  )
  app.post('/logout', route(operations.logout, auth.logout))

  // By far the most asked, so it has nothing around it, and what was written for a remembered user is written again.
  const written = new WeakMap<object, string>()
  app.get(
    '/me',
    documented(operations.me, (c) => {
      const answer = ({ user }: Viewer) => {
        const text = written.get(user) ?? JSON.stringify(user)
        written.set(user, text)
        return c.body(text, 200, { 'Content-Type': 'application/json' })
      }
      const viewer = viewerOf(c.get('caller'))
      return viewer instanceof Promise ? viewer.then(answer) : answer(viewer)
    }),
  )
  app.put('/me', route(operations.updateMe, auth.updateMe))
  app.delete('/me', route(operations.deleteMe, auth.deleteMe))

  app.put('/password', route(operations.changePassword, auth.changePassword))
  app.post('/password-reset', route(operations.requestPasswordReset, auth.requestPasswordReset))
  app.post('/password-reset/confirm', route(operations.resetPassword, auth.resetPassword))
  app.post('/email-verification', route(operations.requestEmailVerification, auth.requestEmailVerification))
  app.post('/email-verification/confirm', route(operations.verifyEmail, auth.verifyEmail))
  app.post('/email-change/undo', route(operations.undoEmailChange, auth.undoEmailChange))

  app.get(
    '/sessions',
    route(operations.sessions, (_, caller) => auth.sessions(caller)),
  )
  app.delete(
    '/sessions',
    route(operations.revokeOtherSessions, async (_, caller) => ({
      revoked: await auth.revokeOtherSessions(caller),
    })),
  )
  app.delete(
    '/sessions/:id',
    route(operations.revokeSession, ({ id }, caller) => auth.revokeSession(id, caller)),
  )
  app.get('/events', route(operations.events, auth.events))

  return app
}

/** REST takes the refresh token as the bearer too. An access token, told by its dots, is not one. */
function bearerSecret({ bearer }: Caller) {
  return bearer && !bearer.includes('.') ? bearer : null
}
