import { serverAudits } from 'graphql-http'
import { expect, test } from 'vitest'
import { useServer } from './support/server.ts'

const server = useServer({ INTROSPECTION: 'true' })

/** The audits that the contract contradicts, with the reason. */
const DEVIATIONS: Record<string, string> = {
  '5A70': 'operations are executed by POST only',
  D6D5: 'operations are executed by POST only',
  '6A70': 'operations are executed by POST only',
  '572B': 'a refusal before execution has its own status, whatever media type the client accepts',
  FDE2: 'a refusal before execution has its own status, whatever media type the client accepts',
  '7B9B': 'a refusal before execution has its own status, whatever media type the client accepts',
}

const audits = serverAudits({
  url: 'http://localhost/graphql',
  fetchFn: (url: string, init: RequestInit) =>
    server.fetch(new URL(url).pathname + new URL(url).search, init),
})

test.each(audits.map((audit) => [`${audit.id} ${audit.name}`, audit] as const))(
  'the server is measured by the audit %s',
  async (_, audit) => {
    const result = await audit.fn()

    const reason = 'reason' in result ? result.reason : undefined
    if (audit.id in DEVIATIONS) expect(result.status).not.toBe('ok')
    else expect({ status: result.status, reason }).toEqual({ status: 'ok', reason: undefined })
  },
)
