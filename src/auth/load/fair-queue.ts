/** The room of so many taken items is kept, because to give it back copies the others. */
const MAX_TAKEN = 1000

class Fifo<Item> {
  #items: (Item | undefined)[] = []
  #taken = 0

  get size() {
    return this.#items.length - this.#taken
  }

  get oldest() {
    return this.#items[this.#taken]
  }

  push(item: Item) {
    this.#items.push(item)
  }

  shift() {
    const item = this.oldest
    if (this.size > 0) this.#items[this.#taken++] = undefined
    if (this.#taken >= MAX_TAKEN || this.size === 0) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }

  pop() {
    return this.size > 0 ? this.#items.pop() : undefined
  }
}

type Lane<Item> = { network: string; items: Fifo<Item> }

/**
 * A queue with a lane for each network. The lanes take turns, so however much waits of one network, it delays that of
 * another by one item. There are no more lanes than items.
 */
export function createFairQueue<Item>() {
  const lanes = new Map<string, Lane<Item>>()
  /** The lanes in the order of their turns. Some may be empty by now. */
  const turns = new Fifo<Lane<Item>>()
  let size = 0

  function take(lane: Lane<Item>, end: 'shift' | 'pop') {
    const item = lane.items[end]()
    size--
    if (lane.items.size === 0) lanes.delete(lane.network)
    return item
  }

  return {
    get size() {
      return size
    },

    push(network: string, item: Item) {
      const known = lanes.get(network)
      const lane = known ?? { network, items: new Fifo() }
      lane.items.push(item)
      size++
      if (known) return
      lanes.set(network, lane)
      turns.push(lane)
    },

    /** Takes the oldest item of the lane whose turn it is. Takes out those before it that are to be skipped. */
    shift(isSkipped: (item: Item) => boolean): Item | undefined {
      for (let lane = turns.shift(); lane; lane = turns.shift()) {
        let found: Item | undefined
        while (lane.items.size > 0 && found === undefined) {
          const item = take(lane, 'shift')
          if (item !== undefined && !isSkipped(item)) found = item
        }
        if (lane.items.size > 0) turns.push(lane)
        if (found !== undefined) return found
      }
      return undefined
    },

    /** Takes the newest item of the longest lane. */
    pop(): Item | undefined {
      let longest: Lane<Item> | undefined
      for (const lane of lanes.values()) if (lane.items.size > (longest?.items.size ?? 0)) longest = lane
      return longest && take(longest, 'pop')
    },

    /** Takes the oldest items of each lane, as long as they match. */
    takeOldest(matches: (item: Item) => boolean): Item[] {
      const taken: Item[] = []
      for (const lane of [...lanes.values()]) {
        for (let { oldest } = lane.items; oldest && matches(oldest); oldest = lane.items.oldest) {
          taken.push(oldest)
          take(lane, 'shift')
        }
      }
      return taken
    },
  }
}
