import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
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
  // `{ timeout: … }` of a poll, and the last argument of a test.
  const limit = /\{ timeout: ([\d_]+)|^\s*(?:\}, )?([\d_]{5,})\)?,?$/gm
  const found = await Promise.all(
    [...new Bun.Glob('tests/**/*.ts').scanSync()].map(async (file) => {
      const text = await Bun.file(file).text()
      return [...text.replace(/\.end\(.*\)/g, '').matchAll(limit)]
        .map(([, ofPoll = '', ofTest = '']) => Number((ofPoll || ofTest).replaceAll('_', '')))
        .filter((ms) => ms < 60_000)
        .map((ms) => `${file}: ${ms}`)
    }),
  )

  expect(found.flat()).toEqual([])
})
