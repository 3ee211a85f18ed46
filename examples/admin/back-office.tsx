import { CombinedGraphQLErrors } from '@apollo/client'
import { useMutation, useQuery } from '@apollo/client/react'
import {
  DisableUserDocument,
  EnableUserDocument,
  EndUserSessionDocument,
  EndUserSessionsDocument,
  RolesDocument,
  SetUserRolesDocument,
  UserDocument,
  UsersDocument,
} from '@servauth/client/documents'
import { useState } from 'react'

const PAGE_ROWS = 20

/** Finds users, and shows the one that is chosen. */
export function BackOffice({ signOut }: { signOut: () => void }) {
  const [search, setSearch] = useState('')
  const [chosenId, setChosenId] = useState<string>()
  const { data, error, fetchMore } = useQuery(UsersDocument, {
    variables: { first: PAGE_ROWS, ...(search && { search }) },
    fetchPolicy: 'network-only',
  })
  const { edges = [], pageInfo } = data?.users ?? {}

  const showMore = () =>
    fetchMore({
      variables: { after: pageInfo?.endCursor },
      updateQuery: (shown, { fetchMoreResult: { users } }) => ({
        users: { ...users, edges: [...shown.users.edges, ...users.edges] },
      }),
    })

  return (
    <>
      <button type="button" className="quiet" onClick={signOut}>
        Sign out
      </button>
      <label htmlFor="search">Address or user name begins with</label>
      <input id="search" type="search" value={search} onChange={({ target }) => setSearch(target.value)} />
      <Fault error={error} />
      <ul id="users">
        {edges.map(({ node: { id, email, roles, disabledAt } }) => (
          <li key={id}>
            <button type="button" className="quiet" onClick={() => setChosenId(id)}>
              {email}
            </button>{' '}
            {[...roles, ...(disabledAt ? ['disabled'] : [])].join(', ')}
          </li>
        ))}
      </ul>
      {pageInfo?.hasNextPage && (
        <button type="button" onClick={() => void showMore()}>
          More
        </button>
      )}
      {chosenId && <Account id={chosenId} key={chosenId} />}
    </>
  )
}

/** One account: what happened to it, and what an administrator can do. */
function Account({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(UserDocument, { variables: { id }, fetchPolicy: 'network-only' })
  const roles = useQuery(RolesDocument)
  const onDone = { onCompleted: () => void refetch() }
  const [disable, disabling] = useMutation(DisableUserDocument, { variables: { id }, ...onDone })
  const [enable, enabling] = useMutation(EnableUserDocument, { variables: { id }, ...onDone })
  const [signOut, signingOut] = useMutation(EndUserSessionsDocument, { variables: { id }, ...onDone })
  const [endSession, endingSession] = useMutation(EndUserSessionDocument, onDone)
  const [setRoles, settingRoles] = useMutation(SetUserRolesDocument, onDone)
  const mutations = [disabling, enabling, signingOut, endingSession, settingRoles]
  const fault = [error, ...mutations.map((mutation) => mutation.error)].find(Boolean)
  const user = data?.user
  if (!user) return <Fault error={fault} />

  const toggleRole = (name: string) => {
    const has = user.roles.includes(name)
    const next = has ? user.roles.filter((role) => role !== name) : [...user.roles, name]
    return run(setRoles({ variables: { input: { id, roles: next } } }))
  }

  return (
    <section aria-label={user.email}>
      <h2>{user.email}</h2>
      <Fault error={fault} />
      <p id="state">
        {user.disabledAt ? 'Disabled' : 'Enabled'}
        {user.disabledUntil && ` until ${new Date(user.disabledUntil).toLocaleString()}`},{' '}
        {user.sessions.length} sessions, {user.factors.length} factors
      </p>
      <button type="button" onClick={() => run(user.disabledAt ? enable() : disable())}>
        {user.disabledAt ? 'Enable' : 'Disable'}
      </button>
      <button type="button" className="quiet" onClick={() => run(signOut())}>
        Sign out everywhere
      </button>
      <ul id="sessions">
        {user.sessions.map(({ id: sessionId, lastUsedAt, ipAddress, userAgent }) => (
          <li key={sessionId}>
            {new Date(lastUsedAt).toLocaleString()} {ipAddress} {userAgent}{' '}
            <button
              type="button"
              className="quiet"
              onClick={() => run(endSession({ variables: { id, sessionId } }))}
            >
              End
            </button>
          </li>
        ))}
      </ul>
      <fieldset>
        <legend>Roles</legend>
        {roles.data?.roles.map(({ name }) => (
          <label key={name}>
            <input type="checkbox" checked={user.roles.includes(name)} onChange={() => toggleRole(name)} />{' '}
            {name}
          </label>
        ))}
      </fieldset>
      <h3>Events</h3>
      <ul id="events">
        {user.events?.map(({ id: eventId, kind, lastAt, detail }) => (
          <li key={eventId}>
            {new Date(lastAt).toLocaleString()} {kind} {detail}
          </li>
        ))}
      </ul>
    </section>
  )
}

/** The state of the mutation has its error, which is shown. */
const run = (mutation: Promise<unknown>) => void mutation.catch(() => {})

function Fault({ error }: { error: unknown }) {
  if (!error) return null
  const forbidden = CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions?.permission
  return (
    <p role="alert">
      {forbidden ? `You need a role with the permission ${forbidden}.` : (error as Error).message}
    </p>
  )
}
