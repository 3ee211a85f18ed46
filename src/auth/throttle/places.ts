import { randomBytes } from 'node:crypto'
import { and, eq, inArray, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Db, Executor } from '../../db/client.ts'
import { daysAgo } from '../../db/moments.ts'
import { places } from '../../db/schema/throttle.ts'
import { users } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { createSealer, digest, type Secrets } from '../keys/sealed-tokens.ts'
import { toNetwork } from './networks.ts'

export type Places = ReturnType<typeof createPlaces>

/** How long a place stays known after the last sign-in from it. */
export const KNOWN_PLACE_DAYS = 90
export const isKnownPlace = sql`${places.signedInAt} > ${daysAgo(KNOWN_PLACE_DAYS)}`

/**
 * How many places of sign-ins an account may have. A refresh adds a place only while the account has fewer places in all. Further
 * places stay unknown: if they replaced others, a taker could make the owner's places unknown.
 */
export const MAX_PLACES = 100

const DEVICE_ID_BYTES = 16

/** The budget that all places share that an account does not know. */
export const UNKNOWN_PLACE = 'unknown'

/** The budget of unknown places that show a mailed token. Strangers have none, so they cannot make its reader wait. */
export const MAILBOX_PLACE = 'mailbox'

/**
 * Where requests come from: a network (an IPv4 address, or the /64 of an IPv6 address, RFC 6177), and a browser by its
 * device cookie. A place is known to an account that signed in from it within `KNOWN_PLACE_DAYS`.
 */
export function createPlaces({ db, secrets }: { db: Db; secrets: Secrets }) {
  const { seal, open } = createSealer(secrets, 'device', DEVICE_ID_BYTES)
  const knownPlaces = db
    .select({ place: places.place })
    .from(places)
    .innerJoin(users, eq(users.id, places.userId))
    .where(
      and(
        eq(users.email, param('email')),
        inArray(places.place, [param('devicePlace'), param('networkPlace')]),
        isKnownPlace,
      ),
    )
    // A device (d:) sorts before a network (n:), which browsers behind one address share.
    .orderBy(places.place)
    .limit(1)
    .prepare('known_place')

  /** The places of a client for a prepared statement, which has the placeholders `networkPlace` and `devicePlace`. */
  function toParameters(client: Client) {
    const { network, device } = toPlaces(client)
    return { networkPlace: network, devicePlace: device ?? network }
  }

  /** The places of a client; a device cookie that this server did not create is none. */
  function toPlaces({ ipAddress, device }: Client) {
    const id = device === null ? null : open(device)
    return { network: toNetworkPlace(ipAddress), device: id && toDevicePlace(id) }
  }

  /** The browser of a client, which is a new one if it has no valid device cookie. */
  function identifyDevice({ device }: Client) {
    const known = device === null ? null : open(device)
    const id = known ?? randomBytes(DEVICE_ID_BYTES)
    return { place: toDevicePlace(id), token: seal(id) }
  }

  return {
    toPlaces,
    identifyDevice,

    /** The finest place of the client that the account knows, otherwise `UNKNOWN_PLACE`. */
    async find(email: string, client: Client): Promise<string> {
      const [known] = await knownPlaces.execute({ email, ...toParameters(client) })
      return known?.place ?? UNKNOWN_PLACE
    },

    toParameters,

    /** The same for the select list of a prepared statement that has the account, and gets `toParameters`. */
    selectKnown: (userId: SQLWrapper) => sql<string>`coalesce((
      select ${places.place} from ${places} where ${places.userId} = ${userId}
        and ${inArray(places.place, [param('devicePlace'), param('networkPlace')])} and ${isKnownPlace}
      order by ${places.place} limit 1), ${sql.raw(`'${UNKNOWN_PLACE}'`)})`,

    /** The browser of a client, if the account knows it. */
    async findBrowser(email: string, client: Client): Promise<string | undefined> {
      const { device } = toPlaces(client)
      if (!device) return undefined
      const [known] = await knownPlaces.execute({ email, networkPlace: device, devicePlace: device })
      return known?.place
    },

    /**
     * Makes the places of a client known to an account whose owner has proven the mailbox from there.
     * @returns the device cookie: strangers may share the network, and their failures would make it wait
     */
    async add(executor: Executor, userId: string, client: Client) {
      const device = identifyDevice(client)
      await executor
        .insert(places)
        .values(
          [toPlaces(client).network, device.place].map((place) => ({
            userId,
            place,
            signedInAt: sql`now()`,
          })),
        )
        .onConflictDoUpdate({
          target: [places.userId, places.place],
          set: { signedInAt: sql`now()`, seenAt: sql`now()` },
        })
      return device.token
    },
  }
}

/**
 * Whether a sign-in makes its place known. The places of refreshes do not take the room of sign-ins: a telephone alone is in
 * more networks than there is room.
 */
export const hasRoomForSignIn = (userId: SQL, place: SQL) =>
  hasRoom(userId, place, {
    ifThere: sql`had.signed_in_at is null or had.signed_in_at < now() - interval '1 day'`,
    others: sql`and had.signed_in_at is not null`,
  })

/** Whether the place of a refresh is remembered, or is there already. */
export const hasRoomForRefresh = (userId: SQL, place: SQL) =>
  hasRoom(userId, place, { ifThere: sql`true`, others: sql`` })

/**
 * `ifThere` decides about a place that the account has, and without it the number of `others`. A value and no `exists`: for
 * that, PostgreSQL may read the whole table into a hash. Without `count`, which costs more to start than to run.
 */
function hasRoom(userId: SQL, place: SQL, { ifThere, others }: { ifThere: SQL; others: SQL }) {
  return sql`coalesce(
    (select ${ifThere} from ${places} as had where had.user_id = ${userId} and had.place = ${place}),
    (select false from ${places} as had where had.user_id = ${userId} ${others} offset ${sql.raw(`${MAX_PLACES - 1}`)} limit 1), true)`
}

/** The network as the migration `owner_first` writes it. */
function toNetworkPlace(ipAddress: string | null) {
  return `n:${toNetwork(ipAddress)}`
}

const toDevicePlace = (id: Uint8Array) => `d:${digest(Buffer.from(id).toString('base64url'))}`
