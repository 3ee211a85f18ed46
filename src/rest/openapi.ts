import type { Hono } from 'hono'
import { LRUCache } from 'lru-cache'
import { answer } from '../http/answer.ts'
import type { AppEnv } from '../http/context.ts'
import { documented } from './route.ts'
import { openApiDocument } from './server-endpoints.ts'

type Settings = { url: string; cookieName: string }

/** `GET /openapi.json`. The document is created at the first request, so that the start does not wait for it. */
export function openApi(app: Hono<AppEnv>, settings: Settings) {
  const documents = new LRUCache<'document', string>({
    max: 1,
    fetchMethod: async () => {
      const { describe } = await import('./openapi-document.ts')
      return JSON.stringify(await describe(app.routes, settings))
    },
  })
  return documented('openApiDocument', openApiDocument, async (c) => {
    const document = await documents.forceFetch('document')
    return answer(c, document, 200, {
      'Content-Type': 'application/json',
      'Cache-Control': `public, max-age=${openApiDocument.rest.cacheSeconds}`,
    })
  })
}
