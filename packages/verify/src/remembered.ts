/** Remembers at most `max` entries; the least recently added half goes first. */
export function createRemembered<Value>(max: number) {
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()
  return {
    get(key: string) {
      const value = young.get(key)
      if (value !== undefined) return value
      const older = old.get(key)
      if (older !== undefined) this.set(key, older)
      return older
    },
    set(key: string, value: Value) {
      young.set(key, value)
      if (young.size * 2 < max) return
      old = young
      young = new Map()
    },
    delete(key: string) {
      young.delete(key)
      old.delete(key)
    },
  }
}
