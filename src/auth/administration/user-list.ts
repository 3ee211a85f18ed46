import { and, asc, desc, isNotNull, isNull, not, or, type SQL, sql } from 'drizzle-orm'
import { Email } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toClaimObject, type UserConnection } from '../../contract/outputs/administration/managed-user.ts'
import { USER_FIELDS } from '../../contract/outputs/user.ts'
import type { Db } from '../../db/client.ts'
import { users } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { pick } from '../../db/statements/pick.ts'
import { prepareRows } from '../../db/statements/row-reader.ts'
import { invalid } from '../../errors.ts'
import { assertMoment, countRows, fromCursor, type Position, toCursor, toPage } from './pages.ts'
import { hasRole } from './roles/roles.ts'

type Request = InputOf<'users'>
type Filter = NonNullable<Request['filter']>
type Part = keyof typeof PARTS

const COLUMNS = {
  ...pick(users, USER_FIELDS),
  claims: users.claims,
  disabledAt: users.disabledAt,
  disabledUntil: users.disabledUntil,
  hasSecondFactor: sql<boolean>`${users.secondFactorAt} is not null`,
  factorRecoveryAt: users.factorRecoveryAt,
}

/** The order of code points, in which a prefix is a range of the index, whatever the order of the database is. */
const address = sql<string>`(${users.email} collate "C")`
const name = sql<string>`lower(${users.username} collate "C")`
const startsWith = (column: SQL, text: ReturnType<typeof param>) =>
  sql`${column} >= lower(${text}::text collate "C") and ${column} < lower(${text}::text collate "C") || U&'\\+10FFFF'`
const isAddressFound = startsWith(address, param('address'))
const isNameFound = startsWith(name, param('text'))

/** Where a page begins, in the order of its part. */
const [afterKey, afterId] = [param('key'), param('id')]

const BY_ADDRESS = {
  key: address,
  order: [sql`${address}`],
  isIn: undefined,
  isAfter: sql`${address} > ${afterKey}::text`,
}

/** The order of each part, the key of its cursors, and which users are in it. */
const PARTS = {
  newest: {
    key: sql<string>`${users.createdAt}::text`,
    order: [desc(users.createdAt), desc(users.id)],
    isIn: undefined,
    isAfter: sql`(${users.createdAt}, ${users.id}) < (${afterKey}::timestamptz, ${afterId}::uuid)`,
  },
  oldest: {
    key: sql<string>`${users.createdAt}::text`,
    order: [asc(users.createdAt), asc(users.id)],
    isIn: undefined,
    isAfter: sql`(${users.createdAt}, ${users.id}) > (${afterKey}::timestamptz, ${afterId}::uuid)`,
  },
  addresses: BY_ADDRESS,
  byAddress: { ...BY_ADDRESS, isIn: isAddressFound },
  byName: {
    key: name,
    order: [sql`${name}`, sql`${users.id}`],
    isIn: and(isNotNull(users.username), isNameFound, not(sql`(${isAddressFound})`)),
    isAfter: sql`(${name}, ${users.id}) > (${afterKey}::text, ${afterId}::uuid)`,
  },
}

/** The part of each order without a search. */
const PART_OF = { NEWEST: 'newest', OLDEST: 'oldest', ADDRESS: 'addresses' } as const

/** Booleans are part of the statement, and the other values are placeholders. */
const CONDITIONS: { [Name in keyof Filter]-?: (value: unknown) => SQL } = {
  role: () => hasRole(param('role')),
  verified: (value) => (value ? sql`${users.emailVerified}` : sql`not ${users.emailVerified}`),
  disabled: (value) => (value ? isNotNull(users.disabledAt) : isNull(users.disabledAt)),
  factor: (value) => (value ? isNotNull(users.secondFactorAt) : isNull(users.secondFactorAt)),
  createdAfter: () => sql`${users.createdAt} >= ${param('createdAfter')}::timestamptz`,
  createdBefore: () => sql`${users.createdAt} < ${param('createdBefore')}::timestamptz`,
}

const given = (filter: Request['filter']) =>
  Object.entries(filter ?? {}).filter(([, value]) => value != null) as [keyof Filter, unknown][]
const toConditions = (filter: Request['filter']) =>
  and(...given(filter).map(([name, value]) => CONDITIONS[name](value)))

/** A whole address is searched in the form in which it is stored: its domain may be punycode there. */
function toTexts(search: Request['search']) {
  const text = search?.trim()
  return { text, address: Email.safeParse(text).data ?? text }
}

/**
 * The statement of a page, which reads only its rows, in the order of an index.
 * @internal A test reads the plan.
 */
export function userStatement(db: Db, part: Part, filter: Request['filter'], hasAfter: boolean) {
  const { key, order, isIn, isAfter } = PARTS[part]
  return db
    .select({ node: COLUMNS, key })
    .from(users)
    .where(and(toConditions(filter), isIn, hasAfter ? isAfter : undefined))
    .orderBy(...order)
    .limit(param('limit'))
}

/** Lists users, page by page. */
export function createUserList({ db }: { db: Db }) {
  const prepare = (part: Part, filter: Request['filter'], hasAfter: boolean) =>
    prepareRows(db, userStatement(db, part, filter, hasAfter))
  /** By what differs in the text of the statement. Building one takes longer than the database needs for it. */
  const prepared = new Map<string, ReturnType<typeof prepare>>()

  async function readPart(part: Part, { first, filter, search }: Request, after?: Position) {
    const conditions = given(filter).map(([name, value]) =>
      typeof value === 'boolean' ? `${name}=${value}` : name,
    )
    const shape = [part, after !== undefined, ...conditions].join()
    const read = prepared.get(shape) ?? prepare(part, filter, after !== undefined)
    prepared.set(shape, read)
    const rows = await read({
      ...filter,
      ...toTexts(search),
      limit: first + 1,
      key: after?.key,
      id: after?.id,
    })
    return rows.map(({ key, node }) => ({
      cursor: toCursor({ part, key, id: node.id }),
      node: { ...node, claims: toClaimObject(node.claims) },
    }))
  }

  async function find(request: Request) {
    const { first, search, order } = request
    if (!search?.trim()) {
      const part = PART_OF[order ?? 'NEWEST']
      const after = fromCursor(request.after, [part])
      if (after && part !== 'addresses') assertMoment(after)
      return readPart(part, request, after)
    }
    if (order) throw invalid('order', 'Must be left out of a search.')
    const after = fromCursor(request.after, ['byAddress', 'byName'])
    const byAddress = after?.part === 'byName' ? [] : await readPart('byAddress', request, after)
    if (byAddress.length > first) return byAddress
    const byName = await readPart('byName', request, after?.part === 'byName' ? after : undefined)
    return [...byAddress, ...byName]
  }

  function count({ filter, search }: Request) {
    const texts = toTexts(search)
    const isFound = texts.text
      ? or(PARTS.byAddress.isIn, and(isNotNull(users.username), isNameFound))
      : undefined
    return countRows(db, users, and(toConditions(filter), isFound), { ...filter, ...texts })
  }

  return async function listUsers(request: Request): Promise<UserConnection> {
    const [edges, totalCount] = await Promise.all([find(request), request.count ? count(request) : null])
    return { ...toPage(edges, request.first), totalCount }
  }
}
