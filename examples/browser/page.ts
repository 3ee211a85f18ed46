import type { ServauthSession } from '@servauth/client'
import { detailsOf, ServauthError, signalPasskeys } from '@servauth/client'
import { explainError, find, list } from './dom.ts'
import { createFactors, FACTORS, type Factors } from './factors.ts'
import { findLinkPage, startLinkPage } from './link-page.ts'
import { createSignIn, SIGN_IN } from './sign-in.ts'

export type Me = { email: string }
export type Session = { id: string; current: boolean; createdAt: string; userAgent: string | null }
type Order = { id: string; customer: string }

type Parts = {
  session: ServauthSession
  api: string
  /** Reads the user and the sessions with the GraphQL client. */
  readAccount: () => Promise<{ me: Me | null; sessions: Session[] }>
  readFactors: () => Promise<Factors>
  signOutOthers: () => Promise<unknown>
}

const MARKUP = `
  <header><h1 tabindex="-1">Your account</h1></header>
  <p role="alert"></p>
  <p role="status"></p>
  ${SIGN_IN}
  <main id="account" hidden>
    <p>Signed in as <output id="me"></output></p>
    ${FACTORS}
    <h2>Sessions</h2> <ul id="sessions"></ul>
    <h2>Orders</h2> <ul id="orders"></ul>
    <button id="reload">Reload</button>
    <button id="others" class="quiet">Sign out everywhere else</button>
    <button id="signOut" class="quiet">Sign out</button>
  </main>`

/** The code that the example pages share: the page of the account, and the pages of mailed links. */
export function startPage(parts: Parts) {
  const linkPage = findLinkPage(location.pathname)
  if (linkPage) startLinkPage(linkPage, parts.session)
  else startAccountPage(parts)
}

function startAccountPage({ session, api, readAccount, readFactors, signOutOthers }: Parts) {
  document.body.innerHTML = MARKUP
  const alert = find('[role=alert]')
  const main = find('main')
  const status = find('[role=status]')
  const signIn = createSignIn(session, alert, status)
  const showFactors = createFactors({ session, run, reload: loadAll })
  /** The user of the page; undefined until it is known. */
  let present: string | null | undefined

  session.watch((userId, why) => {
    signIn.show(userId === null)
    main.hidden = userId === null
    // The next user may not see what the former one has left.
    for (const shown of main.querySelectorAll('output, ul')) shown.replaceChildren()
    if (present) for (const dialog of document.querySelectorAll('dialog')) dialog.close()
    alert.textContent = why
    status.textContent = ''
    // The element that had the focus is hidden now.
    if (present !== undefined) find(userId ? 'h1' : '#email').focus()
    present = userId
    if (!userId) return
    void run(loadAll)
  })

  click('#reload', load)
  click('#others', async () => {
    await signOutOthers()
    await load()
  })
  click('#signOut', session.signOut)

  // The cookie of an earlier visit may still be valid. Having no cookie is not an error.
  void run(() =>
    session.renew().catch((fault: unknown) => {
      if (!(fault instanceof ServauthError && fault.reason === 'MISSING')) throw fault
    }),
  )

  /** The factors first: an account that must add its first one may read nothing else. */
  async function loadAll() {
    showFactors(await readFactors())
    // The browser may have kept passkeys that were removed elsewhere.
    await signalPasskeys(session).catch(() => {})
    await load()
  }

  async function load() {
    const [{ me, sessions }, ...orders] = await Promise.all([
      readAccount(),
      readOrder(1),
      readOrder(2),
      readOrder(3),
    ])
    if (!me) return void (await session.renew())
    find('#me').textContent = me.email
    list(
      '#sessions',
      sessions.map(({ current, createdAt, userAgent }) => ({
        text: `${current ? 'this one' : userAgent}, since ${new Date(createdAt).toLocaleString()}`,
      })),
    )
    list(
      '#orders',
      orders.map(({ id, customer }) => ({ text: `Order ${id} of ${customer}` })),
    )
  }

  async function readOrder(id: number): Promise<Order> {
    const response = await session.fetch(`${api}/orders/${id}`)
    if (!response.ok) throw new Error(`The resource server answered ${response.status}.`)
    return response.json()
  }

  /** Runs an action, and shows its error on the page. */
  async function run(work: () => Promise<unknown>) {
    const user = present
    alert.textContent = ''
    main.ariaBusy = 'true'
    try {
      await work()
    } catch (fault) {
      // If the user changed meanwhile, the page says why, and not which error that caused.
      if (user === present) alert.textContent = needsFactor(fault) ? NEEDS_FACTOR : explainError(fault)
    }
    main.ariaBusy = 'false'
  }

  function click(selector: string, work: () => Promise<unknown>) {
    find(selector).addEventListener('click', () => void run(work))
  }
}

const NEEDS_FACTOR = 'This server requires a second factor. Add a passkey or an authenticator app to go on.'

/** Whether the session may only add a first factor: there is nothing that it could prove. */
function needsFactor(fault: unknown) {
  const { code, methods } = detailsOf(fault)
  return code === 'REAUTHENTICATION_REQUIRED' && methods?.length === 0
}
