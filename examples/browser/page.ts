import { Refusal } from '../shared/rest.ts'
import type { createSession } from './session.ts'

export type Me = { email: string }
export type Session = { id: string; current: boolean; createdAt: string; userAgent: string | null }
type Order = { id: string; customer: string }

type Parts = {
  session: ReturnType<typeof createSession>
  api: string
  /** What the GraphQL client is asked for. */
  account: () => Promise<{ me: Me | null; sessions: Session[] }>
  signOutOthers: () => Promise<unknown>
}

const MARKUP = `
  <p role="alert"></p>
  <form hidden>
    <label>E-mail <input name="email" type="email" autocomplete="username" required></label>
    <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
    <button name="signIn">Sign in</button>
    <button name="signUp">Sign up</button>
  </form>
  <main hidden>
    <p>Signed in as <output id="me"></output></p>
    <h2>Sessions</h2> <ul id="sessions"></ul>
    <h2>Orders</h2> <ul id="orders"></ul>
    <button id="reload">Reload</button>
    <button id="others">Sign out everywhere else</button>
    <button id="signOut">Sign out</button>
  </main>`

/** Everything that the example pages have in common: what is on them, and which button does what. */
export function startPage({ session, api, account, signOutOthers }: Parts) {
  document.body.innerHTML = MARKUP
  const alert = find('[role=alert]')
  const form = find<HTMLFormElement>('form')
  const main = find('main')
  let ended = ''

  session.watch((userId, why) => {
    form.hidden = userId !== null
    main.hidden = userId === null
    alert.textContent = ended = why
    if (userId) void doing(load)
  })

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const data = new FormData(form)
    const credentials = { email: String(data.get('email')), password: String(data.get('password')) }
    const button = (event.submitter as HTMLButtonElement).name
    void doing(async () => {
      const done = await (button === 'signUp' ? session.signUp(credentials) : session.signIn(credentials))
      form.reset()
      if (!done) alert.textContent = 'Follow the link in the mail, then sign in.'
    })
  })
  click('#reload', load)
  click('#others', async () => {
    await signOutOthers()
    await load()
  })
  click('#signOut', session.signOut)

  // The cookie may still be good from last time; a visitor without one is no fault.
  void doing(() =>
    session.renew().catch((fault: unknown) => {
      if (!(fault instanceof Refusal && fault.reason === 'MISSING')) throw fault
    }),
  )

  async function load() {
    const [{ me, sessions }, ...orders] = await Promise.all([account(), order(1), order(2), order(3)])
    if (!me) return void (await session.renew())
    find('#me').textContent = me.email
    list(
      '#sessions',
      sessions.map(
        ({ current, createdAt, userAgent }) =>
          `${current ? 'this one' : userAgent}, since ${new Date(createdAt).toLocaleString()}`,
      ),
    )
    list(
      '#orders',
      orders.map(({ id, customer }) => `Order ${id} of ${customer}`),
    )
  }

  async function order(id: number): Promise<Order> {
    const response = await session.fetch(`${api}/orders/${id}`)
    if (!response.ok) throw new Error(`The resource server answered ${response.status}.`)
    return response.json()
  }

  /** Does something and says what went wrong. */
  async function doing(work: () => Promise<unknown>) {
    alert.textContent = ended = ''
    main.ariaBusy = 'true'
    try {
      await work()
    } catch (fault) {
      // What was under way when the session ended failed too, but that is not why.
      alert.textContent = ended || explained(fault)
    }
    main.ariaBusy = 'false'
  }

  function click(selector: string, work: () => Promise<unknown>) {
    find(selector).addEventListener('click', () => void doing(work))
  }
}

/** A browser does not say whether nobody answered or the answer may not be read. */
function explained(fault: unknown) {
  if (fault instanceof TypeError)
    return 'No answer. Is everything running, and is this origin in ALLOWED_ORIGINS?'
  return fault instanceof Error ? fault.message : String(fault)
}

function list(selector: string, lines: string[]) {
  find(selector).replaceChildren(
    ...lines.map((line) => {
      const item = document.createElement('li')
      item.textContent = line
      return item
    }),
  )
}

function find<T extends HTMLElement>(selector: string) {
  const found = document.querySelector<T>(selector)
  if (!found) throw new TypeError(`The page has no ${selector}`)
  return found
}
