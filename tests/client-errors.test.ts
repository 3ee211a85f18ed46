import { CombinedGraphQLErrors } from '@apollo/client'
import { CombinedError } from '@urql/core'
import { GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { describeError, detailsOf } from '../packages/client/src/rest.ts'

test.each([
  [
    'Apollo Client',
    (errors: GraphQLError[]) => new CombinedGraphQLErrors({ errors: errors.map((error) => error.toJSON()) }),
  ],
  ['urql', (graphQLErrors: GraphQLError[]) => new CombinedError({ graphQLErrors })],
])('an error of %s is described with what is wrong with each field', (_name, combine) => {
  const fields = [{ path: 'username', message: 'Must not be empty.' }]
  const invalid = new GraphQLError('Some of the input is not valid.', {
    extensions: { code: 'INVALID_INPUT', fields },
  })
  const wrong = new GraphQLError('The password is wrong.', { extensions: { code: 'INVALID_CREDENTIALS' } })

  expect(describeError(combine([invalid]))).toBe('Must not be empty.')
  expect(detailsOf(combine([invalid]))).toEqual({ code: 'INVALID_INPUT', fields })
  expect(describeError(combine([wrong]))).toBe('The password is wrong.')
})

test('a lost connection and a timeout are one sentence, whatever the browser calls them', () => {
  const words = [
    'Failed to fetch',
    'NetworkError when attempting to fetch resource.',
    'Load failed',
    'fetch failed',
  ]
  const lost = [...words.map((word) => new TypeError(word)), new DOMException('too long', 'TimeoutError')]
  // urql keeps the error of the browser in its own.
  const ofUrql = Object.assign(new Error('[Network] Failed to fetch'), { networkError: lost[0] })
  for (const fault of [...lost, ofUrql]) {
    expect(describeError(fault)).toBe('The server did not answer. Check the connection and try again.')
  }
})

test('an error that Servauth did not send has its own message and no details', () => {
  for (const fault of [new TypeError('x is not a function'), new DOMException('cancelled')]) {
    expect([describeError(fault), detailsOf(fault)]).toEqual([fault.message, {}])
  }
  expect([undefined, null, 'text', 1].map(detailsOf)).toEqual([{}, {}, {}, {}])
})
