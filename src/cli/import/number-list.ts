/** A list of whole numbers of 64 bits that grows: 8 bytes each, where an array of `bigint` takes several times as much. */
export function createNumberList() {
  let numbers = new BigUint64Array(4096)
  let length = 0
  return {
    add(number: bigint) {
      if (length === numbers.length) {
        const larger = new BigUint64Array(2 * length)
        larger.set(numbers)
        numbers = larger
      }
      numbers[length++] = number
    },
    /** The numbers that were added. They change with the list. */
    all: () => numbers.subarray(0, length),
  }
}

/** A hash with a random seed, so that no user can choose a text that collides with another. */
export function createTextHash() {
  const seed = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n
  return (text: string) => Bun.hash(text, seed) as bigint
}
