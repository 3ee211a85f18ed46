import { sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { places } from '../../db/schema/throttle.ts'
import { users } from '../../db/schema/users.ts'
import { insertEvents, selectEvent, toEventValues } from '../events/events.ts'
import { hasRoomForRefresh } from '../throttle/places.ts'

/**
 * Remembers the places of a refresh and records an event, if the account has not had one of them. It is a statement of
 * its own, because it waits for changes of the account: the rotation would hold the lock of its session meanwhile, and
 * changes of the account end sessions, so that each would wait for the other.
 */
export async function recordNewPlaces(
  executor: Executor,
  userId: string,
  { network, device }: { network: string; device: string | null },
  client: Client,
) {
  const event = selectEvent('refresh_new_place', sql`user_id`, toEventValues('refresh_new_place', client))
  await executor.execute(sql`
    with account as (
      select id from ${users} where id = ${userId}::uuid for key share
    ), here as (
      select account.id as user_id, here.place, ${hasRoomForRefresh(sql`account.id`, sql`here.place`)} as has_room
      from account, (values (${network}), (${device})) as here (place) where here.place is not null
    ), placed as (
      insert into ${places} (user_id, place) select user_id, place from here where has_room
      on conflict do nothing
      returning user_id
    ), new as (
      select user_id from placed union select user_id from here where not has_room
    )
    ${insertEvents(sql`select ${event} from new`)}`)
}
