import { AuthError } from '../errors.ts'
import { Failure } from './failure.ts'
import { withService } from './with-service.ts'

type Source = Record<string, string | undefined>

const day = (time: Date) => `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`
const counted = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`

/** Other services verify access tokens by themselves, and are not told. */
const ELSEWHERE =
  'Access tokens are refused here at once; services that verify them by themselves take them until they expire.'

export async function showUser(source: Source, address: string) {
  const { user, sessions, events } = await withService(source, ({ administration }) =>
    administration.showUser({ email: address }).catch(asFailure(address)),
  )
  const lines: [string, string][] = [
    ['id', user.id],
    ['address', `${user.email} (${user.emailVerified ? 'verified' : 'not verified'})`],
    ...(user.pendingEmail ? [['becomes', `${user.pendingEmail}, once confirmed`] as [string, string]] : []),
    ['user name', user.username ?? 'none'],
    ['created', day(user.createdAt)],
    ['disabled', user.disabledAt ? `since ${day(user.disabledAt)}` : 'no'],
    ['sessions', sessions === 0 ? 'none' : `${sessions} live`],
  ]
  for (const [name, value] of lines) console.log(`${name.padEnd(11)}${value}`)
  console.log(events.length > 0 ? '\nLatest events, newest first:' : '\nNo events are kept.')
  for (const { createdAt, kind, ipAddress } of events) {
    console.log(`  ${day(createdAt)}  ${kind.padEnd(26)}${ipAddress ?? ''}`.trimEnd())
  }
}

export async function disableUser(source: Source, address: string) {
  const ended = await withService(source, ({ administration }) =>
    administration.disableUser({ email: address }).catch(asFailure(address)),
  )
  if (ended === null) return console.log(`${address} was disabled already.`)
  console.log(`${address} is disabled, ${counted(ended, 'session')} ended. ${ELSEWHERE}`)
}

export async function enableUser(source: Source, address: string) {
  const changed = await withService(source, ({ administration }) =>
    administration.enableUser({ email: address }).catch(asFailure(address)),
  )
  console.log(changed ? `${address} is enabled and can sign in again.` : `${address} was not disabled.`)
}

export async function signOutUser(source: Source, address: string) {
  const ended = await withService(source, ({ administration }) =>
    administration.signOutUser({ email: address }).catch(asFailure(address)),
  )
  console.log(`${address} is signed out, ${counted(ended, 'session')} ended. ${ELSEWHERE}`)
}

function asFailure(address: string) {
  return (fault: unknown): never => {
    const unknown = fault instanceof AuthError && fault.code === 'NOT_FOUND'
    throw unknown ? new Failure(`There is no account with the address ${address}.`, { cause: fault }) : fault
  }
}
