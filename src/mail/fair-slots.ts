import { sql } from 'drizzle-orm'
import { mailOutbox } from '../db/schema/mail-outbox.ts'

/** How many mails to one domain, or to all slow domains together, are under way at once. Leaves room for others. */
export const MAX_PER_DOMAIN = 3
/** A domain is slow if a mail to it took this long, and for `SLOW_MEMORY_MS` after that. */
export const SLOW_MS = 5000
export const SLOW_MEMORY_MS = 10 * 60_000

const CATEGORIES = sql.raw(
  ['ac', 'co', 'com', 'edu', 'go', 'gob', 'gouv', 'gov', 'id', 'me', 'ne', 'net', 'or', 'org', 'web']
    .map((label) => `'${label}'`)
    .join(', '),
)
const label = (fromEnd: number) =>
  sql`split_part(split_part(${mailOutbox.recipient}, '@', 2), '.', ${sql.raw(String(-fromEnd))})`

/**
 * The domain that the owner of a mailbox's domain has registered: the last two labels, or three under a category such as
 * `co.uk`. Otherwise one registered domain would count as many, one for each of its subdomains. A regular expression
 * would take seven times as long, and a stranger can cause many mails.
 */
export const registeredDomain = sql<string>`(
  case when length(${label(1)}) = 2 and ${label(2)} in (${CATEGORIES}) then ${label(3)} || '.' else '' end
  || ${label(2)} || '.' || ${label(1)})`

/**
 * Shares the slots of a worker between the domains of recipients. Domains are a stranger's to choose, and a mail server
 * may wait for theirs: without this, a slow domain would soon have all slots, and every other mail would wait.
 */
export function createFairSlots() {
  const underWay: string[] = []
  const slowUntilMs = new Map<string, number>()

  const countOf = (domain: string) => underWay.filter((other) => other === domain).length

  function findSlow() {
    for (const [domain, untilMs] of slowUntilMs) if (untilMs < performance.now()) slowUntilMs.delete(domain)
    return [...slowUntilMs.keys()]
  }

  return {
    /**
     * The domains that must wait, in the order in which a free slot is offered: first to a domain without a mail under
     * way, then to one with a single mail, and so on.
     */
    listWaiting() {
      const slow = findSlow()
      const isSlowFull = underWay.filter((domain) => slowUntilMs.has(domain)).length >= MAX_PER_DOMAIN
      const full = isSlowFull ? slow : []
      const lists: string[][] = []
      for (let count = 1; count <= MAX_PER_DOMAIN; count++) {
        const waiting = [...new Set([...underWay.filter((domain) => countOf(domain) >= count), ...full])]
        if (waiting.length !== lists.at(-1)?.length) lists.push(waiting)
      }
      return lists
    },

    /** Takes a slot for a mail. Call the result when the mail is done. */
    enter(domain: string) {
      const began = performance.now()
      underWay.push(domain)
      return () => {
        underWay.splice(underWay.indexOf(domain), 1)
        const now = performance.now()
        if (now - began >= SLOW_MS) slowUntilMs.set(domain, now + SLOW_MEMORY_MS)
      }
    },
  }
}
