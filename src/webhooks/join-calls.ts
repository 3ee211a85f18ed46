/** Makes one call of those that come while another is running. */
export function joinCalls<Item>(act: (items: Item[]) => Promise<void>) {
  let waiting: Item[] = []
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  function start() {
    const items = waiting
    waiting = []
    next = undefined
    running = act(items).finally(() => {
      running = undefined
    })
    return running
  }

  return (item: Item): Promise<void> => {
    waiting.push(item)
    if (!running) return start()
    next ??= running.then(start, start)
    return next
  }
}
