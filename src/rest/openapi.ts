import { answer } from '../http/answer.ts'
import type { Route } from '../http/context.ts'
import { toRoute } from './route.ts'
import { openApiDocument } from './server-endpoints.ts'

type Settings = { url: string; cookieName: string }

/** `GET /openapi.json`. The document is created at the first request, so that the start does not wait for it. */
export function openApi(others: Route[], settings: Settings): Route {
  let document: Promise<string> | undefined

  async function load() {
    const { describe } = await import('./openapi-document.ts')
    return JSON.stringify(await describe([...others, own], settings))
  }

  const own = toRoute('openApiDocument', openApiDocument, async (c) => {
    document ??= load()
    return answer(c, await document, 200, 'application/json', {
      'Cache-Control': `public, max-age=${openApiDocument.rest.cacheSeconds}`,
    })
  })
  return own
}
