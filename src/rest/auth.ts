import { Hono } from 'hono'
import { identityOf } from '../auth/caller.ts'
import {
  DeleteMeInput,
  LoginInput,
  LogoutInput,
  parse,
  RefreshInput,
  RegisterInput,
  UpdateMeInput,
} from '../auth/inputs.ts'
import type { AuthService } from '../auth/service.ts'
import { toUser } from '../auth/user.ts'
import { readJson } from '../http/body.ts'
import type { AppContext, AppEnv } from '../http/context.ts'

/** The operations of the contract as thin aliases under `/auth`. */
export function authRoutes(auth: AuthService) {
  const app = new Hono<AppEnv>({ strict: true })

  app.post('/register', async (c) => {
    const input = parse(RegisterInput, await readJson(c))
    return c.json(await auth.register(input, c.var.caller), 201)
  })

  app.post('/login', async (c) => {
    const input = parse(LoginInput, await readJson(c))
    return c.json(await auth.login(input, c.var.caller))
  })

  app.post('/refresh', async (c) => {
    const input = parse(RefreshInput, (await readJson(c)) ?? {})
    return c.json(await auth.refresh({ refreshToken: input.refreshToken ?? bearerSecret(c) }, c.var.caller))
  })

  app.post('/logout', async (c) => {
    const input = parse(LogoutInput, (await readJson(c)) ?? {})
    await auth.logout(input, c.var.caller)
    return c.body(null, 204)
  })

  app.get('/me', async (c) => c.json(toUser((await identityOf(c.var.caller)).user)))

  app.put('/me', async (c) => {
    const input = parse(UpdateMeInput, await readJson(c))
    return c.json(await auth.updateMe(input, c.var.caller))
  })

  app.delete('/me', async (c) => {
    const input = parse(DeleteMeInput, (await readJson(c)) ?? {})
    await auth.deleteMe(input, c.var.caller)
    return c.body(null, 204)
  })

  return app
}

/** REST takes the refresh token as the bearer too. An access token, told by its dots, is not one. */
function bearerSecret(c: AppContext) {
  const { bearer } = c.var.caller
  return bearer && !bearer.includes('.') ? bearer : null
}
