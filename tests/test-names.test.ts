import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import config from '../vitest.config.ts'
import { findMissingTests } from './support/named-tests.ts'

test('the tests that the ASVS table names exist', () => {
  expect(findMissingTests(readFileSync('docs/asvs.md', 'utf8'))).toEqual([])
})

test('a test that a document names and that does not exist is found', () => {
  const document = `
    | "Limits" above; \`test-names\` "that a document names", "no such test" |
    | \`login\` has a page of its own; "no name" |`

  expect(findMissingTests(document)).toEqual(['test-names "no such test"', 'login "no name"'])
})

test('no test has a time limit of its own that is shorter than the common one', async () => {
  const { testTimeout = 0, expect: { poll } = {} } = config.test ?? {}
  const limits = [
    { limit: /\{ timeout: ([\d_]+) \}/g, common: poll?.timeout ?? 0 },
    // The last argument of a test, and an option of it.
    { limit: /^\s*(?:\}, |timeout: )?([\d_]{5,})(?: \+ .*)?\)?,?$/gm, common: testTimeout },
  ]
  const found = await Promise.all(
    [...new Bun.Glob('tests/**/*.ts').scanSync()].map(async (file) => {
      const text = (await Bun.file(file).text()).replace(/\.end\(.*\)/g, '')
      return limits.flatMap(({ limit, common }) =>
        [...text.matchAll(limit)]
          .map(([, ms = '']) => Number(ms.replaceAll('_', '')))
          .filter((ms) => ms < common)
          .map((ms) => `${file}: ${ms}`),
      )
    }),
  )

  expect(limits.map(({ common }) => common > 0)).toEqual([true, true])
  expect(found.flat()).toEqual([])
})
