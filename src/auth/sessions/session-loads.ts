import type { Viewer } from '../../contract/caller.ts'
import type { Changes } from '../../db/changes/changes.ts'
import { CachedViewer, type FoundViewer } from './cached-viewer.ts'

/**
 * For how long requests with one credential share the load of the first. What a load finds is no older than its
 * beginning, so this is a part of the 250 ms within which every change takes effect.
 */
const MAX_SHARED_MS = 50

/**
 * Empty once it has ended. A `Map` that grows leaves tables behind, which keep what was in them in memory
 * (docs/decisions/processes.md): so they keep only the empty load, and not what it has found.
 */
type Load = { viewer: Promise<Viewer> | undefined }

/** Loads that began within a short time, and the changes that have arrived since the first of them. */
class Batch {
  readonly beganAt: number
  /** By credential. */
  readonly loads = new Map<string, Load>()
  readonly changedIds = new Set<string>()
  missedChanges = false
  running = 0

  constructor(beganAt: number) {
    this.beganAt = beganAt
  }
}

type Receiver = {
  /** Gets what a load has found, unless the session or the user changed during the load: then it may be older. */
  onLoaded: (viewer: CachedViewer) => void
  /** The viewer has become larger. */
  onGrow: (viewer: CachedViewer) => void
}

/**
 * Reads the callers of credentials. Requests share a read that has just begun. Otherwise all connections that use one
 * credential would query the database at once whenever its entry in the cache expires.
 */
export function createSessionLoads(changes: Changes, { onLoaded, onGrow }: Receiver) {
  let batches: Batch[] = []
  /** The batch whose loads later requests may share. */
  let latest: Batch | undefined

  function openBatch(beganAt: number) {
    latest = new Batch(beganAt)
    batches = [...batches.filter(({ running }) => running > 0), latest]
    return latest
  }

  async function finish(load: Load, credential: string, batch: Batch, read: () => Promise<FoundViewer>) {
    batch.running++
    try {
      const viewer = new CachedViewer(credential, await read(), onGrow)
      // Takes in what changed during the read.
      changes.isCurrent()
      const { changedIds, missedChanges } = batch
      if (!missedChanges && !viewer.ids.some((id) => changedIds.has(id))) onLoaded(viewer)
      return viewer
    } finally {
      batch.running--
      load.viewer = undefined
    }
  }

  return {
    load(credential: string, read: () => Promise<FoundViewer>): Promise<Viewer> {
      const beganAt = performance.now()
      const batch = latest && beganAt - latest.beganAt < MAX_SHARED_MS ? latest : openBatch(beganAt)
      const shared = batch.loads.get(credential)?.viewer
      if (shared) return shared
      const load: Load = { viewer: undefined }
      batch.loads.set(credential, load)
      load.viewer = finish(load, credential, batch, read)
      return load.viewer
    },

    /** The session or the user with this id has changed. */
    recordChange(id: string) {
      // A batch without a running load may be the last for days. It must not collect what changes meanwhile.
      for (const batch of batches) if (batch.running > 0) batch.changedIds.add(id)
      // It is not known yet whose session each load reads, and a client that ended its session must not see it again.
      latest = undefined
    },

    /** Changes may have been missed. */
    recordGap() {
      for (const batch of batches) batch.missedChanges = true
      latest = undefined
    },
  }
}
