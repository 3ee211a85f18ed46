import { sql } from 'drizzle-orm'
import { type ProfileColumns, profile } from '../../../contract/fields.ts'
import { secondsFromNow } from '../../../db/moments.ts'
import { mailOutbox } from '../../../db/schema/mail-outbox.ts'
import { places } from '../../../db/schema/throttle.ts'
import { users } from '../../../db/schema/users.ts'
import { param } from '../../../db/statements/parameters.ts'
import { insertEvents } from '../../events/events.ts'
import { MAX_TOKEN_AGE_SECONDS } from '../../mailing/mailed-tokens.ts'
import { device, event, network, type ProofParts } from './opening-statement.ts'

const fields = Object.keys(profile) as (keyof ProfileColumns)[]
const columns = sql.join(
  fields.map((field) => sql.identifier(users[field].name)),
  sql`, `,
)
const values = sql.join(fields.map(param), sql`, `)

/** A new account demands nothing. Without a row, its address is taken; the statement fails if the address is reserved. */
export const writeRegistration = ({ canMail }: { canMail: boolean }): ProofParts => ({
  // The function runs after the insert, which waits for a concurrent change of address that frees this one.
  account: (isTurn) => sql`account as (
    insert into ${users} (id, email, password, ${columns})
    values (case when ${isTurn} then ${param('accountId')}::uuid end, ${param('email')}, ${param('password')}, ${values})
    on conflict do nothing
    returning id, true as has_password, true as is_verified, refuse_reserved_address(email) as is_free,
      roles, claims, claims_changed_at, null::float8 as seconds_since_claims
  )`,
  useUp: [],
  isProven: sql`is_free`,
  followUp: [knowPlaces, recordRegistration, ...(canMail ? [mailVerification] : [])],
})

const knowPlaces = sql`placed as (
    insert into ${places} (user_id, place, signed_in_at)
    select user_id, here.place, now() from opened, (values (${network}), (${device})) as here (place)
    where here.place is not null
  )`

const recordRegistration = sql`recorded as (${insertEvents(sql`select ${event('register')} from opened`)})`

const mailVerification = sql`mailed as (
    insert into ${mailOutbox} (id, kind, recipient, user_id, network, device, locale, expires_at)
    select ${param('mailId')}::uuid, 'email-verification', ${param('email')}, user_id, ${network}, ${param('mailDevice')},
      ${param('locale')}, ${secondsFromNow(MAX_TOKEN_AGE_SECONDS.EMAIL_VERIFICATION)}
    from opened
  )`
