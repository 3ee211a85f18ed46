import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../src/root.ts'
import { createProject } from './support/project.ts'
import { snippetsOf } from './support/snippets.ts'

const STACKS = readdirSync(join(ROOT, 'docs/services'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `services/${name.slice(0, -3)}`)
const DOCUMENTS = [
  'front-end',
  'rest',
  'services',
  'proxies',
  'operations',
  'moving/better-auth',
  'errors',
  'api',
]

test.each([...DOCUMENTS, ...STACKS])('every snippet of docs/%s.md names its file', async (document) => {
  const { snippets } = await snippetsOf(document)

  expect(snippets.filter(({ path }) => path === '')).toEqual([])
})

test('the snippets of docs/services in TypeScript compile as pasted', async () => {
  const pages = await Promise.all(STACKS.map(async (name) => ({ name, ...(await snippetsOf(name)) })))
  const typed = pages.filter(({ snippets }) => snippets.some(({ language }) => language === 'ts'))
  const { write, run } = await createProject(typed.flatMap(({ packages }) => packages).concat('@types/node'))
  for (const { name, snippets } of typed) {
    for (const { path, code } of snippets) await write(`${name}/${path}`, code)
    // What the page says about TypeScript is enough for its file. Those of Express have types in a package of their own.
    const server = name === 'services/fastify' && snippets.find(({ path }) => path === 'server.js')
    if (server) await write(`${name}/server.ts`, server.code)
  }
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['ES2024', 'DOM'],
    noEmit: true,
    skipLibCheck: true,
  }
  await write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['services/*/*.ts'] }))

  expect(typed.length).toBeGreaterThan(5)
  expect(run('tsc')).toEqual({ status: 0, output: expect.anything() })
})
