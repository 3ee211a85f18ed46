import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { MAX_HOLDERS, MAX_STORED_ROLES } from '../src/auth/administration/roles/role-changes.ts'
import { MAX_ROLES } from '../src/auth/administration/roles/user-roles.ts'
import { MAX_PLACE_ROWS_PER_DAY } from '../src/auth/events/events.ts'
import { MAX_CHALLENGE_AGE_SECONDS } from '../src/auth/factors/challenges.ts'
import { MAX_AUTHENTICATORS } from '../src/auth/factors/enrollment.ts'
import { RECOVERY_CODES } from '../src/auth/factors/recovery-codes.ts'
import { MAX_DRIFT_STEPS } from '../src/auth/factors/totp.ts'
import { INTERVAL_MS } from '../src/auth/housekeeping.ts'
import { MAX_PUBLIC_KEY_BYTES } from '../src/auth/import/foreign-passkeys.ts'
import { MAX_KEY_AGE_MS } from '../src/auth/keys/last-known.ts'
import { LEAD_SECONDS, OVERLAP_SECONDS } from '../src/auth/keys/signing-keys.ts'
import {
  MAX_OPERATIONS,
  MAX_OPERATIONS_SHARE,
  MAX_START_MS,
  MIN_REFUSAL_MS,
} from '../src/auth/load/operation-limit.ts'
import { countReads, MAX_READ_WAIT_MS } from '../src/auth/load/read-limit.ts'
import { MAX_TOKEN_AGE_SECONDS } from '../src/auth/mailing/mailed-tokens.ts'
import { MAX_NOTICE_AGE_SECONDS } from '../src/auth/mailing/outbox.ts'
import { KEPT_DAYS } from '../src/auth/old-rows.ts'
import { MAX_PASSKEYS } from '../src/auth/passkeys/own-passkeys.ts'
import { MAX_CREDENTIAL_ID_BYTES } from '../src/auth/passkeys/relying-party.ts'
import { MAX_BCRYPT_COST } from '../src/auth/passwords/hashes/bcrypt.ts'
import { PBKDF2_HASHES } from '../src/auth/passwords/hashes/pbkdf2.ts'
import { MAX_SCRYPT } from '../src/auth/passwords/hashes/scrypt.ts'
import { MAX_COST_FACTORS, MAX_HASH_COSTS } from '../src/auth/passwords/imported-hashes.ts'
import { GATE_LIMITS, MAX_NETWORK_SHARE } from '../src/auth/passwords/passwords.ts'
import { KEPT_SECONDS, MAX_REVOCATIONS } from '../src/auth/services/recent-revocations.ts'
import { MAX_LISTENERS_PER_SERVICE, PROOF_INTERVAL_MS } from '../src/auth/services/revocation-feed.ts'
import { MAX_SERVICE_KEYS } from '../src/auth/services/service-key-changes.ts'
import { LAST_USE_SECONDS } from '../src/auth/services/service-keys.ts'
import { MAX_CACHE_SECONDS } from '../src/auth/sessions/credentials.ts'
import { MAX_CACHE_BYTES, MAX_CREDENTIALS_PER_SESSION } from '../src/auth/sessions/session-cache.ts'
import { FAILURE_MEMORY_SECONDS } from '../src/auth/throttle/guesses.ts'
import { MAX_CLEARED } from '../src/auth/throttle/login-waits.ts'
import { KNOWN_PLACE_DAYS, MAX_PLACES } from '../src/auth/throttle/places.ts'
import { MAX_WEBHOOKS } from '../src/auth/webhooks/managed-webhooks.ts'
import {
  Email,
  MAX_CLAIMS_BYTES,
  MAX_PERMISSIONS,
  MAX_PERMISSIONS_CHARACTERS,
  Username,
} from '../src/contract/fields.ts'
import { MAX_JSON_DEPTH } from '../src/contract/json.ts'
import {
  FRESHNESS_SECONDS,
  GRACE_SECONDS,
  MAX_PROOF_AGE_SECONDS,
  RECOVERY_WAIT_SECONDS,
} from '../src/contract/lifetimes.ts'
import { objectIn } from '../src/contract/operation.ts'
import { MAX_REPLAYED } from '../src/contract/operations/webhooks.ts'
import { operations } from '../src/contract/operations.ts'
import { MAX_COUNT } from '../src/contract/outputs/page.ts'
import { NewPassword } from '../src/contract/password.ts'
import { ECHO_MS, HEARTBEAT_MS } from '../src/db/changes/change-listener.ts'
import { PROOF_MS, REST_AFTER_MS } from '../src/db/changes/changes.ts'
import { COMMAND_LIMITS, DATABASE_LIMITS, SILENT_CALLS } from '../src/db/limits.ts'
import { SILENCE_MS } from '../src/db/migrate.ts'
import { MAX_LEEWAY_SECONDS } from '../src/db/requirements/clock.ts'
import { loadEnv } from '../src/env.ts'
import { GRAPHQL_LIMITS } from '../src/graphql/engine/cost-limits.ts'
import { MAX_DOCUMENT_BYTES } from '../src/graphql/engine/documents.ts'
import { MAX_REQUEST_BYTES } from '../src/graphql/engine/me-requests.ts'
import type { RequestContext } from '../src/http/context.ts'
import { createCookies, DEVICE_COOKIE_SECONDS } from '../src/http/request/cookies.ts'
import { MAX_BODY_BYTES, MAX_BODY_MS, MAX_DISCARDED_BYTES } from '../src/http/steps/body.ts'
import { MAX_PER_DOMAIN, SLOW_MEMORY_MS, SLOW_MS } from '../src/mail/fair-slots.ts'
import { LEASE_SECONDS, MAX_RETRY_SECONDS } from '../src/mail/mail-worker.ts'
import { MAX_CONNECTIONS } from '../src/mail/smtp.ts'
import { IDLE_SECONDS } from '../src/process/listener.ts'
import { MIN_SECOND_SIGNAL_MS } from '../src/process/stop-signals.ts'
import { MAX_CLOSE_MS, MAX_DRAIN_MS } from '../src/process/stop-times.ts'
import { PULSE_MS } from '../src/process/workers/worker-messages.ts'
import { MAX_MISSED_PULSES, MAX_REPLACE_MS } from '../src/process/workers/workers.ts'
import { MAX_WAITING_BYTES, MAX_WAITING_MS } from '../src/rest/bounded-stream.ts'
import { publishedKeys } from '../src/rest/server-endpoints.ts'
import { MAX_ACCESS_TOKEN_SECONDS } from '../src/settings/credentials.ts'
import { RATE_LIMITS, type RateLimitName } from '../src/settings/throttle.ts'
import {
  LEASE_SECONDS as DELIVERY_LEASE_SECONDS,
  MAX_RETRY_SECONDS as MAX_DELIVERY_RETRY_SECONDS,
} from '../src/webhooks/deliveries.ts'
import { MAX_CONCURRENT } from '../src/webhooks/delivery-worker.ts'
import { MAX_DELIVERY_MS } from '../src/webhooks/sender.ts'
import { MAX_LOOKUP_MS } from '../src/webhooks/target.ts'

/**
 * The page docs/limits.md, generated from the constants of the code. A test fails if the file is stale. To write it:
 *
 *     bun docs/limits.ts
 */

/** The promise for revoked sessions, which `tests/session-cache.test.ts` and the bench measure. */
const REVOCATION_MS = 250

/** The default of `expires_at` in the table of deliveries. */
const MAX_DELIVERY_AGE_SECONDS = 72 * 3600

type Row = [limit: string, value: string, setting?: string]
type Section = { title: string; intro?: string; rows: Row[] }

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const env = loadEnv({ NODE_ENV: 'development' })

function duration(seconds: number): string {
  const units = [
    ['day', 7 * 86_400, 86_400],
    ['hour', 3600, 3600],
    ['minute', 60, 60],
    ['second', 0, 1],
  ] as const
  if (!Number.isInteger(seconds)) return `${Math.round(seconds * 1000)} ms`
  const [name, , size] = units.find(([, from, size]) => seconds >= from && seconds % size === 0) ?? units[3]
  const count = seconds / size
  return `${count} ${name}${count === 1 ? '' : 's'}`
}

const ms = (count: number) => duration(count / 1000)
const number = (count: number) => count.toLocaleString('en-US')
const bytes = (count: number) => `${number(count / 1024)} KiB`

/** The bounds of a field, as the OpenAPI document shows them. */
function boundsOf(field: z.ZodType) {
  return z.toJSONSchema(field, { io: 'input', unrepresentable: 'any' })
}

function lengths(field: z.ZodType) {
  const { minLength = 1, maxLength } = boundsOf(field)
  return `${minLength} to ${maxLength} characters`
}

/** A trigger limits the number of sessions. The newest migration that contains the limit counts. */
async function maxSessions() {
  const files = (await readdir(root('drizzle'))).filter((name) => name.endsWith('.sql')).sort()
  const texts = await Promise.all(files.map((name) => readFile(root(`drizzle/${name}`), 'utf8')))
  const found = texts.flatMap((text) => [...text.matchAll(/id DESC OFFSET (\d+)/g)].map(([, count]) => count))
  return Number(found.at(-1))
}

/** A cookie as it is sent with https, without its value and its age. */
function attributesOf(write: 'writeSession' | 'writeDevice') {
  const headers = new Headers()
  const cookies = createCookies({ https: true, sessionSeconds: env.SESSION_IDLE_SECONDS })
  const context = { answerHeaders: headers as Headers | undefined } as RequestContext
  cookies[write](context, '')
  const [sent = ''] = headers.getSetCookie()
  const [pair, ...attributes] = sent.split('; ').filter((part) => !part.startsWith('Max-Age'))
  return [pair?.slice(0, -1), ...attributes].map((part) => `\`${part}\``).join(', ')
}

const RATE_LIMIT_MEANINGS: Record<RateLimitName, string> = {
  loginPerAddress: 'sign-ins from one network; after that, as many from each browser that the account knows',
  loginFailures:
    'wrong passwords, or wrong codes, in a row from one place without a wait, and the longest wait',
  factorPerAddress: 'guesses at second factors from one network or one browser',
  ceremonyPerAddress: 'sign-ins with a passkey begun from one network or one browser',
  registerPerAddress: 'registrations from one network',
  mailedTokenPerAddress: 'tries with one mailed token; with invented ones, from one network or one browser',
  reauthenticatePerSession: 'passwords given in one session; by its cookie and by its access tokens apart',
  passwordChangePerAccount: 'changes of the password of one account, without resets',
  emailChangePerAccount: 'changes of address for one account',
  exportPerAccount: 'exports of one account',
  writePerSession: 'changes in one session; by its cookie and by its access tokens apart',
  linkMailPerMailbox:
    'links for resets and verifications to one mailbox; to an unproven one, as many in notices',
  mailRequestPerAddress:
    'mails requested from one network, for any address; after that, also from each known browser',
  eventPerAddress: 'events of one kind that any client can cause, from one network; also with `THROTTLE=off`',
}

const rateLimits = Object.entries(RATE_LIMITS).map(([name, [count, seconds]]): Row => {
  const meaning = RATE_LIMIT_MEANINGS[name as RateLimitName]
  const value =
    name === 'loginFailures' ? `${count}, ${duration(seconds)}` : `${number(count)} in ${duration(seconds)}`
  return [meaning, value, name]
})

async function sections(): Promise<Section[]> {
  const { shape: eventsInput } = objectIn(operations.events.input as z.ZodType)
  const { ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES } = env
  return [
    {
      title: 'Sessions',
      rows: [
        [
          'a session ends without a refresh after',
          duration(env.SESSION_IDLE_SECONDS),
          'SESSION_IDLE_SECONDS',
        ],
        ['a session ends at the latest after', duration(env.SESSION_MAX_SECONDS), 'SESSION_MAX_SECONDS'],
        ['live sessions of one user (the oldest end)', number(await maxSessions())],
        ['an access token expires after', duration(env.ACCESS_TOKEN_SECONDS), 'ACCESS_TOKEN_SECONDS'],
        [
          'the grace: after the first use of a refresh token, the previous one still works for',
          duration(GRACE_SECONDS),
        ],
        ['a session rotates at most once in', duration(GRACE_SECONDS)],
        ['a session stays fresh after its user gave the password for', duration(FRESHNESS_SECONDS)],
        ['events in one answer', `at most ${boundsOf(eventsInput.first as z.ZodType).maximum}`],
      ],
    },
    {
      title: 'Second factors',
      rows: [
        [
          'a sign-in that waits for a factor, an enrolment or a ceremony of a passkey expires after',
          duration(MAX_CHALLENGE_AGE_SECONDS),
        ],
        ['a change of factors needs a proof that is not older than', duration(MAX_PROOF_AGE_SECONDS)],
        ['time steps that the clock of an app may be off, in each direction', number(MAX_DRIFT_STEPS)],
        ['authenticator apps of an account', number(MAX_AUTHENTICATORS)],
        ['recovery codes of an account', number(RECOVERY_CODES)],
        ['lost factors can be replaced after', duration(RECOVERY_WAIT_SECONDS)],
        ['passkeys of an account', number(MAX_PASSKEYS)],
        ['the id of a passkey', `${number(MAX_CREDENTIAL_ID_BYTES)} bytes`],
        ['the public key of an imported passkey', `${number(MAX_PUBLIC_KEY_BYTES)} bytes`],
        ['objects inside each other in the answer of a passkey', number(MAX_JSON_DEPTH)],
      ],
    },
    {
      title: 'Administration',
      rows: [
        ['administration needs a second factor that was proven within', duration(FRESHNESS_SECONDS)],
        ['roles', number(MAX_STORED_ROLES)],
        ['roles of a user', number(MAX_ROLES)],
        ['permissions of a role', number(MAX_PERMISSIONS)],
        ['the names of these permissions, together', `${number(MAX_PERMISSIONS_CHARACTERS)} characters`],
        [
          'holders of a role that can be removed; with more, a change makes services refuse the tokens of all users',
          number(MAX_HOLDERS),
        ],
        ['the claims of a user', bytes(MAX_CLAIMS_BYTES)],
        ['how often the waits of an account can be ended in a day', number(MAX_CLEARED)],
        ['the maximum of `totalCount`', number(MAX_COUNT)],
        [
          'lists that each process reads at once, by `DATABASE_POOL_SIZE`',
          number(countReads(env.DATABASE_POOL_SIZE)),
        ],
        ['another one waits for at most', ms(MAX_READ_WAIT_MS)],
        ['an invitation expires after', duration(MAX_TOKEN_AGE_SECONDS.INVITATION)],
      ],
    },
    {
      title: 'Cookies',
      rows: [
        ['the session cookie with https', attributesOf('writeSession')],
        ['a browser keeps it for', duration(env.SESSION_IDLE_SECONDS), 'SESSION_IDLE_SECONDS'],
        ['the device cookie with https; it authenticates nothing', attributesOf('writeDevice')],
        ['a browser keeps it for', duration(DEVICE_COOKIE_SECONDS)],
      ],
    },
    {
      title: 'Session cache',
      rows: [
        ['a credential is cached for', duration(MAX_CACHE_SECONDS.bearer)],
        ['a session cookie is cached for', duration(MAX_CACHE_SECONDS.cookie)],
        ['cached credentials with their answers, together', bytes(MAX_CACHE_BYTES)],
        ['cached credentials of one session', number(MAX_CREDENTIALS_PER_SESSION)],
        ['every replica refuses a revoked session within', ms(REVOCATION_MS)],
        ['a proof of freshness lasts', ms(PROOF_MS)],
        ['the listening connection is asked every', ms(HEARTBEAT_MS)],
        ['and about once a second if nothing has needed an answer for', duration(REST_AFTER_MS / 1000)],
        ['a notification over a new connection must arrive every', ms(ECHO_MS)],
      ],
    },
    {
      title: 'Mailed tokens and mails',
      rows: [
        ['a link to reset a password expires after', duration(MAX_TOKEN_AGE_SECONDS.PASSWORD_RESET)],
        [
          'a link to verify or confirm an address expires after',
          duration(MAX_TOKEN_AGE_SECONDS.EMAIL_VERIFICATION),
        ],
        ['an undo link expires after', duration(MAX_TOKEN_AGE_SECONDS.EMAIL_CHANGE_UNDO)],
        [
          'a link that cancels a change of address expires after',
          duration(MAX_TOKEN_AGE_SECONDS.EMAIL_CHANGE_CANCEL),
        ],
        ['a link that reports a sign-in expires after', duration(MAX_TOKEN_AGE_SECONDS.SIGN_IN_REPORT)],
        ['a mail without a link is given up after', duration(MAX_NOTICE_AGE_SECONDS)],
        ['a mail is tried until it expires, with pauses that grow up to', duration(MAX_RETRY_SECONDS)],
        ['a mail belongs to the worker that took it for', duration(LEASE_SECONDS)],
        ['mails sent at once by one replica', number(MAX_CONNECTIONS)],
        ['of these to one domain, or to all slow domains together', number(MAX_PER_DOMAIN)],
        ['a domain is slow if a mail to it took', duration(SLOW_MS / 1000)],
        ['and for', duration(SLOW_MEMORY_MS / 1000)],
      ],
    },
    {
      title: 'Passwords',
      rows: [
        ['Argon2id memory', `${number(ARGON2_MEMORY_KIB)} KiB`, 'ARGON2_MEMORY_KIB'],
        ['Argon2id passes', String(ARGON2_PASSES), 'ARGON2_PASSES'],
        ['Argon2id lanes', String(ARGON2_LANES), 'ARGON2_LANES'],
        [
          'password hashes at once',
          `one for each core, at most ${GATE_LIMITS.maxConcurrent}; divided among the workers`,
        ],
        ['requests that wait for a hash; more get 503', number(GATE_LIMITS.maxQueued)],
        ['a hash waits at most; if hashes take long, fewer wait', ms(GATE_LIMITS.maxWaitMs)],
        ['a finished hash waits for others, while more wait to start, at most', ms(GATE_LIMITS.maxHoldMs)],
        [
          'the share of the running and waiting hashes that one network can have',
          `1 / ${1 / MAX_NETWORK_SHARE}`,
        ],
        [
          'an imported Argon2 hash, compared with one of yours',
          `at most ${MAX_COST_FACTORS.memory} times the memory and ${MAX_COST_FACTORS.work} times the work; ${MAX_COST_FACTORS.lanes} lanes`,
        ],
        ['the cost of an imported bcrypt hash', `at most ${MAX_BCRYPT_COST}`],
        ...Object.entries(PBKDF2_HASHES).map(
          ([hash, { maxIterations }]): Row => [
            `the iterations of an imported PBKDF2 hash with ${hash.toUpperCase().replace('SHA', 'SHA-')}`,
            `at most ${number(maxIterations)}`,
          ],
        ),
        [
          'an imported scrypt hash',
          `at most ${number(MAX_SCRYPT.memoryKib)} KiB, and N·r·p at most ${number(MAX_SCRYPT.steps)}`,
        ],
        [
          'different hashes that a failed sign-in computes; an import adds no more',
          `${MAX_HASH_COSTS}: one for each kind, and for each cost of Argon2 and scrypt`,
        ],
        ['with `REQUIRE_EMAIL_VERIFICATION`, a failed sign-in computes besides', 'one of your hashes'],
      ],
    },
    {
      title: 'Inputs',
      rows: [
        ['an e-mail address', `at most ${boundsOf(Email).maxLength} characters`],
        ['a user name', lengths(Username)],
        ['a new password', lengths(NewPassword), 'PASSWORD_MIN_LENGTH'],
      ],
    },
    {
      title: 'Rate limits',
      intro: `A network is an IPv4 address or an IPv6 /64. All replicas count together, by the clock of the database. \`THROTTLE_LIMITS\`
changes each limit by its name, and \`THROTTLE=off\` turns them off. Wrong passwords are counted for each known place of an account, and
for all other places together. After the attempts without a wait, each further attempt starts a wait of 1 second, which doubles each time.
During a wait, right and wrong passwords are refused in the same way.`,
      rows: [
        ...rateLimits,
        ['a place stays known to an account after a sign-in for', `${KNOWN_PLACE_DAYS} days`],
        ['places that an account has signed in from (further ones stay unknown)', number(MAX_PLACES)],
        ['the count of wrong passwords ends after', duration(FAILURE_MEMORY_SECONDS)],
      ],
    },
    {
      title: 'Requests',
      rows: [
        ['operations that run or wait at once; more get 503; `me` is not counted', number(MAX_OPERATIONS)],
        ['beside many answers of `me`, only those may wait that start within', ms(MAX_START_MS / 2)],
        ['beside many answers of `me`, an operation waits for its start at most', ms(MAX_START_MS)],
        ['a refusal of them is sent after', ms(MIN_REFUSAL_MS)],
        ['the share of these operations that one network can have', `1 / ${1 / MAX_OPERATIONS_SHARE}`],
        ['a REST body', bytes(MAX_BODY_BYTES.rest)],
        ['a GraphQL body', bytes(MAX_BODY_BYTES.graphql)],
        ['a refused body is answered after its end, if it has', `at most ${bytes(MAX_DISCARDED_BYTES)}`],
        // Bun's own limit: no setting changes it.
        ['the head of a request must arrive within', duration(10)],
        ['a body must then arrive within', ms(MAX_BODY_MS)],
        ['an idle connection is closed after', duration(IDLE_SECONDS)],
      ],
    },
    {
      title: 'GraphQL',
      rows: [
        ['tokens in a document', number(GRAPHQL_LIMITS.tokens)],
        ['fields of one name in a document', number(GRAPHQL_LIMITS.repetitions)],
        ['levels of an operation', number(GRAPHQL_LIMITS.depth)],
        ['aliases in an operation', number(GRAPHQL_LIMITS.aliases)],
        ['directives in an operation', number(GRAPHQL_LIMITS.directives)],
        [
          'mutations in an operation that take or give a credential',
          number(GRAPHQL_LIMITS.credentialMutations),
        ],
        ['cached documents, together', bytes(MAX_DOCUMENT_BYTES)],
        ['cached bodies of requests for `me`, together', bytes(MAX_REQUEST_BYTES)],
      ],
    },
    {
      title: 'Signing keys',
      rows: [
        ['the lead: a new key is published before it signs for', duration(LEAD_SECONDS)],
        [
          'an old key stays published after its last signature for',
          `${duration(MAX_ACCESS_TOKEN_SECONDS)} and ${duration(OVERLAP_SECONDS)}`,
        ],
        ['a replica keeps its keys in memory for', ms(MAX_KEY_AGE_MS)],
        ['a client may cache the published keys for', duration(publishedKeys.rest.cacheSeconds ?? 0)],
        ['the clocks of servers may differ by', duration(MAX_LEEWAY_SECONDS)],
      ],
    },
    {
      title: 'Webhooks',
      rows: [
        ['an answer must arrive within', ms(MAX_DELIVERY_MS)],
        ['the name of a receiver must be resolved within', ms(MAX_LOOKUP_MS)],
        ['deliveries to one webhook that run at once, in each process', number(MAX_CONCURRENT)],
        ['a delivery belongs to its worker for', duration(DELIVERY_LEASE_SECONDS)],
        ['the longest wait between two attempts', duration(MAX_DELIVERY_RETRY_SECONDS)],
        ['an event is tried for', duration(MAX_DELIVERY_AGE_SECONDS)],
        ['webhooks of administrators', number(MAX_WEBHOOKS)],
        ['events that one call delivers again', number(MAX_REPLAYED)],
      ],
    },
    {
      title: 'Services',
      rows: [
        ['a revocation is kept and announced for', duration(KEPT_SECONDS)],
        [
          'revocations in the memory of a replica, before one date replaces the oldest',
          number(MAX_REVOCATIONS),
        ],
        ['the feed sends a proof every', ms(PROOF_INTERVAL_MS)],
        ['bytes that may wait for a slow reader of the feed', bytes(MAX_WAITING_BYTES)],
        ['how long they may wait', ms(MAX_WAITING_MS)],
        ['connections to the feed with one service key', number(MAX_LISTENERS_PER_SERVICE)],
        ['valid service keys', number(MAX_SERVICE_KEYS)],
        ['the last use of a service key is written every', duration(LAST_USE_SECONDS)],
      ],
    },
    {
      title: 'Database',
      rows: [
        ['connections in the pool of one process', number(env.DATABASE_POOL_SIZE), 'DATABASE_POOL_SIZE'],
        ['a call, including the wait for a connection', ms(DATABASE_LIMITS.callMs)],
        ['a statement without a word of the server', ms(SILENT_CALLS * DATABASE_LIMITS.callMs)],
        ['connecting', duration(DATABASE_LIMITS.connectSeconds)],
        ['a statement', ms(DATABASE_LIMITS.statementMs)],
        ['waiting for a lock', ms(DATABASE_LIMITS.lockMs)],
        ['a call of a command of an operator', ms(COMMAND_LIMITS.callMs)],
        ['a migration ends after the database is silent for', ms(SILENCE_MS)],
      ],
    },
    {
      title: 'Housekeeping',
      rows: [
        ['it runs every', ms(INTERVAL_MS)],
        ['a suspension ends after its time within', ms(INTERVAL_MS)],
        ['events are kept for', `${env.EVENT_RETENTION_DAYS} days`, 'EVENT_RETENTION_DAYS'],
        [
          'the maximum number of events (the oldest are deleted)',
          number(env.EVENT_MAX_ROWS),
          'EVENT_MAX_ROWS',
        ],
        ['an expired session is kept for', duration(KEPT_DAYS.session * 86_400)],
        ['a sent or failed mail is kept for', duration(KEPT_DAYS.mail * 86_400)],
        ['an event of webhooks is kept for', duration(KEPT_DAYS.webhookEvent * 86_400)],
        ['a registration of an unverified address is kept for', duration(KEPT_DAYS.registration * 86_400)],
        ['rows of one day in the events of an account, for all places', number(MAX_PLACE_ROWS_PER_DAY)],
        ['expired mailed tokens and counters are kept for', 'no longer'],
      ],
    },
    {
      title: 'Processes',
      rows: [
        [
          'a replica still answers after SIGTERM for',
          duration(env.SHUTDOWN_DELAY_SECONDS),
          'SHUTDOWN_DELAY_SECONDS',
        ],
        ['then it finishes running requests, within', ms(MAX_DRAIN_MS)],
        ['then, closing connections', ms(MAX_CLOSE_MS)],
        ['a second signal forces the end only after', ms(MIN_SECOND_SIGNAL_MS)],
        ['a silent worker is killed after', ms(PULSE_MS * MAX_MISSED_PULSES)],
        ['the longest pause before a worker is replaced', ms(MAX_REPLACE_MS)],
      ],
    },
  ]
}

/** A Markdown table with aligned columns. */
function table(rows: string[][]) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}

function section({ title, intro, rows }: Section) {
  const cells = rows.map(([limit, value, setting]) => [limit, value, setting ? `\`${setting}\`` : ''])
  return `## ${title}\n\n${intro ? `${intro}\n\n` : ''}${table([['limit', 'value', 'setting'], ...cells])}\n`
}

export async function limitsPage() {
  const intro = `# Limits and lifetimes

Every size, lifetime and rate limit of Servauth, with its default. The last column names the setting that changes it; a limit without
one is fixed. \`bun docs/limits.ts\` generates this page from the code: do not edit it. Other documents link here and repeat no number.
`
  return `${[intro, ...(await sections()).map(section)].join('\n')}`
}

if (import.meta.main) await writeFile(root('docs/limits.md'), await limitsPage())
