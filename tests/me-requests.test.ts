import { expect, test } from 'vitest'
import { createMeRequests, MAX_REQUEST_BYTES } from '../src/graphql/engine/me-requests.ts'

const bodyOf = (index: number) => `${index} ${'a'.repeat(1900)}`

test('bodies of requests for `me` have a bound in bytes, and the newest are kept', () => {
  const requests = createMeRequests()
  for (let index = 0; index < 5000; index++) requests.add(bodyOf(index), `${index}`)

  expect(requests.bytes()).toBeLessThanOrEqual(MAX_REQUEST_BYTES)
  expect([0, 1, 4999].map((index) => requests.find(bodyOf(index)))).toEqual([undefined, undefined, '4999'])
})

test('a long body is not kept', () => {
  const requests = createMeRequests()
  requests.add('a'.repeat(3000), 'key')

  expect([requests.find('a'.repeat(3000)), requests.bytes()]).toEqual([undefined, 0])
})
