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
