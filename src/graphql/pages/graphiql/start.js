// Starts GraphiQL with a tour in its tabs. The developer presses play in each, from left to right. The last tab deletes
// the account, so the tour can be played again. The cookie holds the session.

/** Each load of the page has an address of its own, because the account of an earlier tour may still exist. */
const email = `ada+${Math.floor(Math.random() * 1e6)}@example.com`
const password = 'a long enough phrase'
const newPassword = 'a longer phrase still'
const token = 'from the mail, which is in the log of the server'

const GRANT = `{
    user {
      id
      email
      username
    }
    session {
      id
      expiresAt
    }
    accessToken
    accessTokenExpiresAt
  }`

const TOUR = [
  mutation('register', { email, password, username: 'Ada' }, GRANT),
  query(`query Me {
  me {
    id
    email
    emailVerified
    username
    updatedAt
  }
}`),
  mutation('verifyEmail', { token }),
  mutation('refresh', undefined, GRANT),
  query(`query Sessions {
  sessions {
    id
    current
    lastUsedAt
    ipAddress
    userAgent
  }
}`),
  query(`query Events {
  events(first: 10) {
    kind
    createdAt
    ipAddress
  }
}`),
  mutation('logout'),
  mutation('requestPasswordReset', { email }),
  mutation('resetPassword', { token, newPassword: password }),
  mutation('login', { email, password }, GRANT),
  mutation('changePassword', { currentPassword: password, newPassword }, GRANT),
  mutation('beginTotp', undefined, '{ id secret uri }'),
  mutation('confirmTotp', { id: 'from BeginTotp', code: 'six digits of the app' }, '{ codes }'),
  query(`query Factors {
  factors {
    id
    kind
    createdAt
    lastUsedAt
  }
  passkeys {
    id
    name
    isSynced
  }
}`),
  // The answer is an error, SECOND_FACTOR_REQUIRED, with the challenge that the next tab completes.
  mutation('login', { email, password: newPassword }, GRANT, 'LoginAgain'),
  mutation(
    'completeLogin',
    { challenge: 'the id from LoginAgain', proof: { recoveryCode: 'from ConfirmTotp' } },
    GRANT,
  ),
  // A page gives the options of a passkey to its browser, and the answer to `loginWithPasskey`.
  mutation('beginPasskeyLogin', undefined, '{ id options expiresAt }'),
  mutation('deleteMe', { password: newPassword }),
]

function mutation(field, input, selection, name = toTypeName(field)) {
  const body = selection ? ` ${selection}` : ''
  if (!input) return query(`mutation ${name} {\n  ${field}${body}\n}`)
  const type = `${toTypeName(field)}Input`
  return query(`mutation ${name}($input: ${type}!) {\n  ${field}(input: $input)${body}\n}`, { input })
}

function toTypeName(field) {
  return field.charAt(0).toUpperCase() + field.slice(1)
}

function query(query, variables) {
  return { query, ...(variables && { variables: JSON.stringify(variables, null, 2) }) }
}

/** GraphiQL keeps its tabs in the browser. Those of an earlier load get the new address. */
function renewStoredTabs() {
  const url = new URL(location.href)
  const isNewTour = url.searchParams.has('tour')
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith('graphiql:'))) {
    if (isNewTour) localStorage.removeItem(key)
    else localStorage.setItem(key, localStorage[key].replaceAll(/\bada\+\d+@example\.com\b/g, email))
  }
  url.searchParams.delete('tour')
  const { tabs = [], activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{}')
  // GraphiQL opens one more tab if what else it stored, or the address of the page, differs from the active tab.
  for (const part of ['query', 'variables', 'headers']) {
    const text = tabs[activeTabIndex]?.[part]
    if (text) localStorage.setItem(`graphiql:${part}`, text)
    else localStorage.removeItem(`graphiql:${part}`)
  }
  if (tabs.some(({ query }) => query === url.searchParams.get('query'))) url.searchParams.delete('query')
  history.replaceState(null, '', url)
}

const root = document.querySelector('#root')
const workers = {
  editorWorkerService: root.dataset.editor,
  json: root.dataset.json,
  graphql: root.dataset.graphql,
}
globalThis.MonacoEnvironment = { globalAPI: false, getWorkerUrl: (_, label) => workers[label] }

renewStoredTabs()
globalThis.YogaGraphiQL.renderYogaGraphiQL(root, {
  title: '<a href="?tour">New tour</a>',
  logo: '',
  endpoint: '/graphql',
  credentials: 'same-origin',
  defaultTabs: TOUR,
  // GraphiQL shows the variables of its first tab only if it gets them here. After that it has them stored.
  ...(localStorage.getItem('graphiql:tabState') ? {} : { variables: TOUR[0].variables }),
})
