import { sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { events } from '../../db/schema/events.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { users } from '../../db/schema/users.ts'
import { isReservation } from '../account/taken-addresses.ts'
import type { ImportOutcome } from './foreign-account.ts'

type Candidate = { id: string; email: string }

/**
 * Reads for a whole batch which accounts and addresses exist here already. The batch is one parameter: thousands of
 * parameters would take longer to build than to look up. @returns the outcome for the ids of those that cannot be imported
 */
export async function findExisting(
  executor: Executor,
  candidates: Candidate[],
): Promise<Map<string, ImportOutcome>> {
  const given = JSON.stringify(candidates.map(({ id, email }) => ({ id, email })))
  const found = await executor.execute<{ id: string; outcome: ImportOutcome }>(sql`
    select id, outcome from (select given.id, case
      when exists (select from ${users} where ${users.id} = given.id) then 'imported before'
      when exists (select from ${events} where ${events.userId} = given.id and ${events.kind} = 'account_deleted')
        then 'deleted here since'
      when exists (select from ${users} where ${users.email} = given.email) then 'address is taken here'
      when exists (select from ${verifications} where ${verifications.value} = given.email and ${isReservation})
        then 'address is taken here'
      end as outcome
    from json_to_recordset(${given}::text::json) as given (id uuid, email text)) as found
    where outcome is not null`)
  return new Map(found.map(({ id, outcome }) => [id, outcome]))
}
