import { serverAudits } from 'graphql-http'
import { expect, test } from 'vitest'
import { startServer } from './support/server.ts'

const server = await startServer({ INTROSPECTION: 'true' })

/** Where the contract wants otherwise than the audit, and why. */
const DEVIATIONS: Record<string, string> = {
  '5A70': 'only POST executes',
  D6D5: 'only POST executes',
  '6A70': 'only POST executes',
  '572B': 'what is refused before execution answers with its own status, whatever the client accepts',
  FDE2: 'what is refused before execution answers with its own status, whatever the client accepts',
  '7B9B': 'what is refused before execution answers with its own status, whatever the client accepts',
}

const audits = serverAudits({
  url: 'http://localhost/graphql',
  fetchFn: (url: string, init: RequestInit) =>
    server.fetch(new URL(url).pathname + new URL(url).search, init),
})

test.each(audits.map((audit) => [`${audit.id} ${audit.name}`, audit] as const))('%s', async (_, audit) => {
  const result = await audit.fn()

  const reason = 'reason' in result ? result.reason : undefined
  if (audit.id in DEVIATIONS) expect(result.status).not.toBe('ok')
  else expect({ status: result.status, reason }).toEqual({ status: 'ok', reason: undefined })
})
