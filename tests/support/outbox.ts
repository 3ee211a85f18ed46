import { expect } from 'vitest'
import type { startServer } from './server.ts'

type Server = Pick<Awaited<ReturnType<typeof startServer>>, 'sql' | 'wakeMailWorker'>

/** Waits until the worker has dealt with every mail that is due. Those that wait for others of their kind may stay. */
export async function drainOutbox({ sql, wakeMailWorker }: Server) {
  const countDue = async () => {
    wakeMailWorker()
    const [row] = await sql`
      select count(*)::int as due from mail_outbox
      where status = 'PENDING' and (attempts > 0 or next_attempt_at <= now())`
    return row?.due
  }
  await expect.poll(countDue, { interval: 5 }).toBe(0)
}

/** Makes the mails due that wait for another attempt. A mail that a worker holds for a minute would be sent twice. */
export const hurryRetries = ({ sql }: Pick<Server, 'sql'>) => sql`
  update mail_outbox set next_attempt_at = now()
  where status = 'PENDING' and next_attempt_at < now() + interval '40 seconds'`

/** Lets time pass for mails and mailed tokens. */
export async function passTime({ sql }: Pick<Server, 'sql'>, minutes: number) {
  await sql`
    update mail_outbox set created_at = created_at - ${`${minutes} minutes`}::interval,
      next_attempt_at = next_attempt_at - ${`${minutes} minutes`}::interval,
      expires_at = expires_at - ${`${minutes} minutes`}::interval`
  await sql`
    update verification set created_at = created_at - ${`${minutes} minutes`}::interval,
      expires_at = expires_at - ${`${minutes} minutes`}::interval,
      resent_known_at = resent_known_at - ${`${minutes} minutes`}::interval,
      resent_unknown_at = resent_unknown_at - ${`${minutes} minutes`}::interval`
}

/** The states of the mails to an address, oldest first. */
export async function mailStates({ sql }: Pick<Server, 'sql'>, email: string) {
  const rows = await sql`select status from mail_outbox where recipient = ${email} order by created_at, id`
  return rows.map(({ status }) => status as string)
}
