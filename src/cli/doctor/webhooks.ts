import type { Env } from '../../env.ts'
import { createTargetFinder } from '../../webhooks/target.ts'
import { explainError } from '../support/command-error.ts'
import { bad, good } from './verdict.ts'

/** Whether events may be sent to the receivers of the settings. It sends nothing. */
export async function checkWebhooks(env: Env) {
  const findTarget = createTargetFinder(env)
  const hosts = [...new Set(env.WEBHOOKS.map((url) => new URL(url).hostname))]
  const results = await Promise.allSettled(hosts.map(findTarget))
  const faults = results.flatMap((result, index) =>
    result.status === 'rejected' ? [`${hosts[index]} cannot be called: ${explainError(result.reason)}`] : [],
  )
  if (faults.length === 0) return good(`events may be sent to ${hosts.join(', ')}`)
  return bad(faults.join('; '), 'Correct WEBHOOKS, or list the network of the receiver in WEBHOOK_NETWORKS.')
}
