import { and, desc, isNotNull, isNull, not, or, type SQL, sql } from 'drizzle-orm'
import type { InputOf } from '../../contract/operations.ts'
import { toManagedUser, type UserConnection } from '../../contract/outputs/managed-user.ts'
import type { Db } from '../../db/client.ts'
import { users } from '../../db/schema.ts'
import { assertMoment, fromCursor, MAX_COUNT, type Position, toPage } from './cursor.ts'
import { hasRole } from './last-administrator.ts'

type Request = InputOf<'users'>

const COLUMNS = {
  id: users.id,
  email: users.email,
  emailVerified: users.emailVerified,
  pendingEmail: users.pendingEmail,
  username: users.username,
  locale: users.locale,
  roles: users.roles,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
  claims: users.claims,
  disabledAt: users.disabledAt,
  secondFactorAt: users.secondFactorAt,
  factorRecoveryAt: users.factorRecoveryAt,
}

/** The order of code points, in which a prefix is a range of the index, whatever the order of the database is. */
const address = sql<string>`(${users.email} collate "C")`
const name = sql<string>`lower(${users.username} collate "C")`
const startsWith = (column: SQL, text: string) =>
  sql`${column} >= lower(${text}::text collate "C") and ${column} < lower(${text}::text collate "C") || U&'\\+10FFFF'`

function toConditions(filter: Request['filter']) {
  const { role, verified, disabled, factor, createdAfter, createdBefore } = filter ?? {}
  return and(
    role == null ? undefined : hasRole(role),
    verified == null ? undefined : sql`${users.emailVerified} = ${verified}::boolean`,
    disabled == null ? undefined : disabled ? isNotNull(users.disabledAt) : isNull(users.disabledAt),
    factor == null ? undefined : factor ? isNotNull(users.secondFactorAt) : isNull(users.secondFactorAt),
    createdAfter == null ? undefined : sql`${users.createdAt} >= ${createdAfter}::timestamptz`,
    createdBefore == null ? undefined : sql`${users.createdAt} < ${createdBefore}::timestamptz`,
  )
}

/**
 * The statements of a list, each of which reads only the rows of its page, in the order of an index.
 * @internal A test reads their plans.
 */
export function userStatements(db: Db, { first, search, filter }: Request) {
  const conditions = toConditions(filter)
  const text = search?.trim() ?? ''
  const inOrder = (key: SQL, where: SQL | undefined, ...order: SQL[]) =>
    db
      .select({ ...COLUMNS, key: sql<string>`${key}` })
      .from(users)
      .where(and(conditions, where))
      .orderBy(...order)
      .limit(first + 1)

  return {
    newest: (after?: Position) =>
      inOrder(
        sql`${users.createdAt}::text`,
        after &&
          sql`(${users.createdAt}, ${users.id}) < (${assertMoment(after)}::timestamptz, ${after.id}::uuid)`,
        desc(users.createdAt),
        desc(users.id),
      ),
    byAddress: (after?: Position) =>
      inOrder(
        address,
        and(startsWith(address, text), after && sql`${address} > ${after.key}::text`),
        sql`${address}`,
      ),
    byName: (after?: Position) =>
      inOrder(
        name,
        and(
          isNotNull(users.username),
          startsWith(name, text),
          not(sql`(${startsWith(address, text)})`),
          after && sql`(${name}, ${users.id}) > (${after.key}::text, ${after.id}::uuid)`,
        ),
        sql`${name}`,
        sql`${users.id}`,
      ),
    count: () => {
      const found =
        text && or(startsWith(address, text), and(isNotNull(users.username), startsWith(name, text)))
      const some = db
        .select({ one: sql`1` })
        .from(users)
        .where(and(conditions, found || undefined))
        .limit(MAX_COUNT)
      return db.select({ total: sql<number>`count(*)::int` }).from(some.as('some'))
    },
  }
}

/** Lists users, page by page. */
export function createUserList({ db }: { db: Db }) {
  return async function listUsers(request: Request): Promise<UserConnection> {
    const { first, search } = request
    const statements = userStatements(db, request)
    const read = async (part: 'newest' | 'byAddress' | 'byName', after?: Position) => {
      const rows = await statements[part](after?.part === part ? after : undefined)
      return rows.map(({ key, ...row }) => ({ ...row, position: { part, key, id: row.id } }))
    }

    async function find() {
      if (!search?.trim()) return read('newest', fromCursor(request.after, ['newest']))
      const after = fromCursor(request.after, ['byAddress', 'byName'])
      const byAddress = after?.part === 'byName' ? [] : await read('byAddress', after)
      return byAddress.length > first ? byAddress : [...byAddress, ...(await read('byName', after))]
    }

    const [rows, counted] = await Promise.all([find(), request.count ? statements.count() : null])
    const totalCount = counted?.[0]?.total ?? null
    return { ...toPage(rows.slice(0, first + 1), first, toManagedUser), totalCount }
  }
}
