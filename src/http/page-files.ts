import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { AuthError } from '../errors.ts'
import { answer, headersOf } from './answer.ts'
import type { RequestContext } from './context.ts'

const compress = promisify(gzip)

export type Source = { type: 'css' | 'js'; content: string | Buffer }
type File = { url: string; type: string; raw: Buffer; compressed: Buffer }

const MEDIA_TYPES = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' }

/**
 * The scripts and styles of a page. They are read and compressed at the first request, so the start does not wait for
 * them. The address of a file contains its hash: browsers keep the file for a year, and load a changed one at once.
 */
export function createPageFiles<Name extends string>(
  folder: string,
  read: () => Promise<Record<Name, Source>>,
) {
  let loading: Promise<[Name, File][]> | undefined

  async function load() {
    const sources = Object.entries(await read()) as [Name, Source][]
    return Promise.all(
      sources.map(async ([name, { type, content }]): Promise<[Name, File]> => {
        const raw = Buffer.from(content)
        const hash = createHash('sha256').update(raw).digest('hex').slice(0, 16)
        const url = `${folder}/${name}-${hash}.${type}`
        return [name, { url, type: MEDIA_TYPES[type], raw, compressed: await compress(raw) }]
      }),
    )
  }

  return {
    /** The address of each file. */
    async urls() {
      loading ??= load()
      const files = await loading
      return Object.fromEntries(files.map(([name, { url }]) => [name, url])) as Record<Name, string>
    },

    /** The handler of `<folder>/:file`. @throws `NOT_FOUND` */
    async serve(c: RequestContext) {
      loading ??= load()
      const files = await loading
      const file = files.find(([, { url }]) => url === c.path)?.[1]
      if (!file) throw new AuthError('NOT_FOUND')
      const isCompressed = /\bgzip\b/.test(c.header('accept-encoding') ?? '')
      headersOf(c).append('Vary', 'Accept-Encoding')
      return answer(c, new Uint8Array(isCompressed ? file.compressed : file.raw), 200, file.type, {
        'Cache-Control': 'public, max-age=31536000, immutable',
        ...(isCompressed && { 'Content-Encoding': 'gzip' }),
      })
    },
  }
}
