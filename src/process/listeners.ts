import type { compose, Settings } from '../compose.ts'
import {
  closeConnectionsAfterResponse,
  createHandler,
  type Listener,
  listen,
  stopListening,
} from './listener.ts'
import { createShortTurns } from './short-turns.ts'

type Apps = Pick<Awaited<ReturnType<typeof compose>>, 'app' | 'adminApp'>

/** Listens on the port, and on that of administration if it has one. */
export function startListeners(settings: Settings, { app, adminApp }: Apps, isShared: boolean) {
  const listeners: { listener: Listener; handle: ReturnType<typeof createHandler> }[] = []
  const turns = createShortTurns(() =>
    listeners.reduce((sum, { listener }) => sum + listener.pendingRequests, 0),
  )
  function start({ fetch }: Apps['app'], PORT: number, setting: 'PORT' | 'ADMIN_PORT') {
    const handle = createHandler(fetch, turns)
    listeners.push({ listener: listen({ HOST: settings.HOST, PORT }, isShared, handle, setting), handle })
  }
  start(app, settings.PORT, 'PORT')
  if (adminApp && typeof settings.ADMIN_PORT === 'number') start(adminApp, settings.ADMIN_PORT, 'ADMIN_PORT')
  return {
    closeConnectionsAfterResponse() {
      for (const { listener, handle } of listeners) closeConnectionsAfterResponse(listener, handle)
    },
    stop: (maxDrainMs: number) =>
      Promise.all(listeners.map(({ listener }) => stopListening(listener, maxDrainMs))),
  }
}
