// The tabs of the tours. The developer presses play in each, from left to right. The last tab of the tour of an account
// deletes it, so that tour can be played again. The cookie holds the session.

/** Each load of the page has addresses of its own, because the accounts of an earlier tour may still exist. */
const number = Math.floor(Math.random() * 1e6)
const email = `ada+${number}@example.com`
const invited = `grace+${number}@example.com`
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

const ACCOUNT = [
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

/** Whose `id` the tabs after an invitation need. */
const id = 'from InviteUser'

const ADMINISTRATION = [
  mutation('register', { email, password, username: 'Ada' }, GRANT),
  mutation('beginTotp', undefined, '{ id secret uri }'),
  mutation('confirmTotp', { id: 'from BeginTotp', code: 'six digits of the app' }, '{ codes }'),
  query(`# Only an operator makes the first administrator. In a terminal, in the folder of the server:
#
#   bun run servauth user grant ${email} admin
#
# An administrator needs a second factor that was proven within 15 minutes. The tab before has proven one.
query Me {
  me {
    email
    roles
  }
}`),
  query(
    `query Users($first: Int, $filter: UserFilter) {
  users(first: $first, filter: $filter, count: true) {
    totalCount
    edges {
      node {
        id
        email
        roles
        disabledAt
        hasSecondFactor
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}`,
    { first: 10, filter: { disabled: false } },
  ),
  mutation(
    'putRole',
    { name: 'support', permissions: ['users:read', 'users:write', 'events:read'] },
    '{ name permissions }',
  ),
  mutation('inviteUser', { email: invited, roles: ['support'] }, '{ id email roles }'),
  mutation('acceptInvitation', { token, password }),
  mutation('setUserRoles', { id, roles: [] }, '{ id roles }'),
  mutation('setUserClaims', { id, claims: { plan: 'pro' } }, '{ id claims }'),
  mutationOfUser('disableUser', '{ email disabledAt }'),
  mutationOfUser('enableUser', '{ email disabledAt }'),
  query(
    `query User($id: ID!) {
  user(id: $id) {
    email
    claims
    sessions {
      id
      lastUsedAt
    }
    waits {
      place
      until
    }
    events {
      kind
      createdAt
      actorId
      detail
    }
  }
}`,
    { id },
  ),
  query(
    `query AuditEvents($filter: EventFilter) {
  auditEvents(first: 10, filter: $filter) {
    edges {
      node {
        kind
        userId
        actorId
        detail
        createdAt
      }
    }
  }
}`,
    { filter: { byAdministrators: true } },
  ),
  query(`query Mails {
  mails(first: 10) {
    edges {
      node {
        kind
        recipient
        status
        fault
      }
    }
  }
}`),
  mutation(
    'createServiceKey',
    { name: 'orders', scopes: ['users:read'] },
    '{ key serviceKey { id scopes } }',
  ),
  mutationOfUser('deleteUser'),
  mutation('logout'),
]

function mutation(field, input, selection, name = toTypeName(field)) {
  const body = selection ? ` ${selection}` : ''
  if (!input) return query(`mutation ${name} {\n  ${field}${body}\n}`)
  const type = `${toTypeName(field)}Input`
  return query(`mutation ${name}($input: ${type}!) {\n  ${field}(input: $input)${body}\n}`, { input })
}

/** A mutation whose only argument is the user. */
function mutationOfUser(field, selection) {
  const body = selection ? ` ${selection}` : ''
  return query(`mutation ${toTypeName(field)}($id: ID!) {\n  ${field}(id: $id)${body}\n}`, { id })
}

function toTypeName(field) {
  return field.charAt(0).toUpperCase() + field.slice(1)
}

function query(query, variables) {
  return { query, ...(variables && { variables: JSON.stringify(variables, null, 2) }) }
}

globalThis.tours = { account: ACCOUNT, administration: ADMINISTRATION, number }
