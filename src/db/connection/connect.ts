import postgres, { type Sql } from 'postgres'
import { parseConnectionString } from '../../libpq/connection-string.ts'
import { type DatabaseLimits, DATABASE_LIMITS as LIMITS } from '../limits.ts'
import { createSessionStatements, getOnlySchema, type SessionSettings } from './session.ts'
import { createSocketOpener } from './socket.ts'
import { getNewestTimeline, isNewestTimeline } from './timeline.ts'

/** The settings of the server that say which database it uses, and how. */
export type DatabaseSettings = {
  DATABASE_URL: string
  DATABASE_SCHEMA?: string | undefined
  DATABASE_POOL_SIZE?: number | undefined
  WORKERS?: number
  /** For tests that are not about time, and for commands. No operator can set it. */
  databaseLimits?: DatabaseLimits
}

type Options = {
  /** The schema of the tables; undefined for the search path, null for a database of another program. */
  schema?: string | undefined | null
  /** Settings of its sessions with other values than usual. */
  session?: SessionSettings
  max?: number
  connectSeconds?: number | undefined
  applicationName?: string
  /** How long a statement may wait without any data of the server. Then it is cancelled, and its connection is closed. */
  maxSilenceMs?: number
  /** Whether a connection is kept open without a limit of time. */
  isKept?: boolean
  onnotify?: (channel: string, payload: string) => void
  onclose?: () => void
  /** The index of the only host to use; undefined for all of them. */
  onlyHost?: number
  /** Gets the timeline of the server of a new connection, if there are several hosts. */
  onTimeline?: (timeline: bigint) => void
}

/** What a server says of itself on a new connection. */
type ServerState = { isStandby?: boolean; isReadOnly?: boolean; system?: string; timeline?: string | null }

const LIFETIME_MINUTES = 30
/** SQLSTATEs of a server that starts, stops or has no free connection. */
const BUSY = ['57P03', '53300']

/**
 * Connects to the database of a connection string. All connections of Servauth are created here. Every option is
 * explicit, because the driver takes missing options from the environment.
 */
export function connect(
  url: string,
  {
    schema,
    session = {},
    max = 1,
    connectSeconds = LIMITS.connectSeconds,
    applicationName = 'servauth',
    maxSilenceMs = 0,
    isKept = false,
    onnotify,
    onclose,
    onlyHost,
    onTimeline,
  }: Options = {},
): Sql {
  const target = parseConnectionString(url)
  const seconds = target.connectSeconds ?? connectSeconds
  const hasSeveralHosts = target.hosts.length > 1
  const hosts = target.hosts.filter((_, index) => onlyHost === undefined || index === onlyHost)
  const openSocket = createSocketOpener({ ...target, hosts }, seconds * 1000)
  const statements = createSessionStatements({
    settings: session,
    others: target.settings,
    schema: schema === undefined ? getOnlySchema(target.searchPath) : schema,
    searchPath: target.searchPath,
    hasSeveralHosts,
  })
  const { name, port } = hosts[0] ?? { name: '', port: 0 }
  const options = {
    host: [name],
    port: [port],
    user: target.user,
    database: target.database,
    pass: () => target.password,
    async socket() {
      if (hasSeveralHosts && onlyHost === undefined) await learnTimelines(url, hosts.length)
      return openSocket()
    },
    // Of the patched driver: it runs these statements on a new connection, then asks whether to use it.
    onconnect: {
      text: () => statements,
      isWanted(results: ServerState[][], socket: object) {
        const state = results.flat().find((row) => row.isStandby !== undefined)
        const isPrimary = !state?.isStandby && (target.wants === 'primary' || !state?.isReadOnly)
        const timeline = state?.timeline ? BigInt(`0x${state.timeline}`) : undefined
        const isNewest = timeline === undefined || isNewestTimeline(BigInt(state?.system ?? 0), timeline)
        const isWanted = (target.wants === 'any' || isPrimary) && isNewest
        if (isWanted && timeline !== undefined) onTimeline?.(timeline)
        if (isWanted) openSocket.accept(socket)
        else openSocket.skip(socket)
        return isWanted
      },
      isPassedOver(fault: Error & { code: string }, socket: object) {
        const isPassedOver = BUSY.includes(fault.code) && hosts.length > 1
        if (isPassedOver) openSocket.skip(socket, fault)
        return isPassedOver
      },
      onFailed: (socket: object) => openSocket.fail(socket),
    },
    connection: {
      application_name: target.applicationName ?? applicationName,
      ...(target.startupOptions && { options: target.startupOptions }),
    },
    ssl: false,
    sslnegotiation: null,
    target_session_attrs: null,
    max,
    prepare: true,
    debug: false,
    publications: 'alltables',
    max_pipeline: 100,
    // Of the patched driver, in seconds.
    max_silence: maxSilenceMs / 1000,
    idle_timeout: null,
    max_lifetime: isKept ? null : () => 60 * LIFETIME_MINUTES * (1 + Math.random()),
    keep_alive: target.keepAliveSeconds === false ? 0 : (target.keepAliveSeconds ?? 60),
    connect_timeout: seconds,
    // Array types are not used, and no caller could catch a failure of the query that looks them up.
    fetch_types: false,
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
    onnotice: () => {},
    onnotify,
    onclose,
  }
  return postgres(options as never)
}

let learning: Promise<unknown> | undefined

/**
 * Connects to each host once, if this process does not know any timeline. So a server that starts does not use a former
 * primary that came back, although it is the first host.
 */
async function learnTimelines(url: string, hostCount: number) {
  if (getNewestTimeline() > 0n) return
  learning ??= Promise.all(
    Array.from({ length: hostCount }, async (_, onlyHost) => {
      const sql = connect(url, { onlyHost, schema: null })
      await sql`select 1`.catch(() => {})
      await sql.end({ timeout: 0 })
    }),
  ).finally(() => {
    learning = undefined
  })
  await learning
}
