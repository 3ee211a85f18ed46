import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { findProgram } from './support/programs.ts'
import { createProject } from './support/project.ts'
import { snippetsOf } from './support/snippets.ts'

const DOCUMENTS = ['front-end', 'rest', 'services', 'proxies', 'operations', 'better-auth', 'errors', 'api']

const PASSED = { status: 0, output: expect.anything() }

test.each(DOCUMENTS)('every snippet of docs/%s.md names its file', async (document) => {
  const { snippets } = await snippetsOf(document)

  expect(snippets.filter(({ path }) => path === '')).toEqual([])
})

describe('the snippets of docs/services.md', () => {
  test('the snippet for jose compiles as pasted', async () => {
    const { snippets, packages } = await snippetsOf('services')
    const { write, run } = await createProject(packages)
    for (const { path, code } of snippets) await write(path, code)
    const compilerOptions = { module: 'nodenext', target: 'es2023', lib: ['ES2023', 'DOM'], noEmit: true }
    await write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['*.ts'] }))

    expect(run('tsc')).toEqual(PASSED)
  })

  const PYTHON = findProgram(process.env.PYTHON ?? 'python3')

  test.skipIf(!PYTHON)('the snippets for Python compile, and allow for the clocks', async () => {
    const { snippets } = await snippetsOf('services')
    const python = snippets.filter(({ language }) => language === 'python')

    expect(python).not.toEqual([])
    for (const { code } of python) {
      expect(code).toContain('leeway=30')
      const { status, stderr } = spawnSync(PYTHON, ['-c', 'import ast,sys; ast.parse(sys.stdin.read())'], {
        input: code,
      })
      expect([status, String(stderr)]).toEqual([0, ''])
    }
  })
})
