import type { Act } from '../../contract/administrator.ts'
import type { Executor } from '../../db/client.ts'
import { events } from '../../db/schema/events.ts'
import type { EventKind } from './kinds.ts'

/** What `detail` has room for. A longer text is cut. */
const MAX_DETAIL_CHARACTERS = 255

type Change = { given: string[]; taken: string[]; ordered?: string[] }

/**
 * What was given and taken, and a new order, in as many texts as it needs, each with the same beginning. A name that is cut off
 * could be hidden behind others that are long.
 */
export function toDetails({ given, taken, ordered = [] }: Change, start = '') {
  const details: string[] = []
  const signed = (sign: string, names: string[]) => names.map((name) => sign + name)
  for (const word of [...signed('+', given), ...signed('-', taken), ...signed('=', ordered)]) {
    const longer = `${details.at(-1) ?? start} ${word}`.trim()
    if (longer.length <= MAX_DETAIL_CHARACTERS) details.splice(-1, 1, longer)
    else details.push(`${start} ${word}`.trim())
  }
  return details
}

/** What an administrator did, to a user or to all. Each is a row of its own: none repeats another. */
export async function recordAdministration(
  tx: Executor,
  kind: EventKind,
  { userId = null, detail = null }: { userId?: string | null; detail?: string | null },
  { administrator, client }: Act,
) {
  const { requestId, ipAddress, userAgent } = client
  const { userId: actorId, serviceKey } = administrator
  const actorKey = serviceKey?.name ?? null
  const values = { kind, userId, actorId, actorKey, detail: detail?.slice(0, MAX_DETAIL_CHARACTERS) ?? null }
  await tx.insert(events).values({ ...values, requestId, ipAddress, userAgent })
}
