import type { Act } from '../../contract/administrator.ts'
import { AuthError } from '../../errors.ts'
import { createFairQueue } from './fair-queue.ts'

/** How long a read waits for its turn. */
export const MAX_READ_WAIT_MS = 3000
/** How many lists are read at once, with so many connections. */
export const countReads = (connections: number) => Math.max(1, Math.floor(connections / 4))

type Waiting = { start: () => void; isGone: boolean }
type Read<Input, Output> = (input: Input, act: Act) => Promise<Output>

/**
 * Limits how many lists of administration are read at once. A filter that few rows match makes the database read a whole
 * table, as long as a statement may take. So one service with a key could hold all connections, and no user could sign in.
 * Administrators and services take turns.
 */
export function createReadLimit({ connections }: { connections: number }) {
  const waiting = createFairQueue<Waiting>()
  let free = countReads(connections)

  async function enter(administrator: string) {
    if (free > 0) {
      free--
      return
    }
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        read.isGone = true
        reject(new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 }))
      }, MAX_READ_WAIT_MS)
      const read: Waiting = {
        isGone: false,
        start() {
          clearTimeout(timer)
          resolve()
        },
      }
      waiting.push(administrator, read)
    })
  }

  function leave() {
    const next = waiting.shift(({ isGone }) => isGone)
    if (next) next.start()
    else free++
  }

  /** @throws `SERVICE_UNAVAILABLE` if a read gets no turn in time */
  return <Input, Output>(read: Read<Input, Output>): Read<Input, Output> =>
    async (input, act) => {
      const { userId, serviceKey } = act.administrator
      await enter(userId ?? serviceKey?.id ?? '')
      try {
        return await read(input, act)
      } finally {
        leave()
      }
    }
}
