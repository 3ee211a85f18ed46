import type { Hono } from 'hono'
import type { AppEnv } from '../http/context.ts'
import { openApiDocument } from './operations.ts'
import { documented } from './route.ts'

type Settings = { url: string; cookieName: string }

/** `GET /openapi.json`, made once and at the first request, so that a start does not wait for it. */
export function openApi(app: Hono<AppEnv>, settings: Settings) {
  const make = async () => {
    const { describe } = await import('./openapi-document.ts')
    return JSON.stringify(await describe(app.routes, settings))
  }
  let made: Promise<string> | undefined
  return documented(openApiDocument, async (c) => {
    made ??= make().catch((fault: unknown) => {
      made = undefined
      throw fault
    })
    const document = await made
    c.header('Cache-Control', `public, max-age=${openApiDocument.cacheSeconds}`)
    return c.body(document, 200, { 'Content-Type': 'application/json' })
  })
}
