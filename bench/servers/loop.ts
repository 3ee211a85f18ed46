/**
 * Runs one thing over and over for so many seconds, some at a time, and prints how many a second: the bare rate of
 * what a server does, without a server around it.
 */
export async function printRate(seconds: number, concurrent: number, once: () => Promise<unknown>) {
  await once()
  const began = performance.now()
  const end = began + seconds * 1000
  let done = 0
  const worker = async () => {
    while (performance.now() < end) {
      await once()
      done++
    }
  }
  await Promise.all(Array.from({ length: concurrent }, worker))
  console.log(JSON.stringify({ rate: (done * 1000) / (performance.now() - began) }))
}
