/**
 * Repeats a task for some seconds, several at the same time, and prints the rate per second. This is the rate of a
 * server's work without the server.
 */
export async function printRate(seconds: number, concurrent: number, runTask: () => Promise<unknown>) {
  await runTask()
  const began = performance.now()
  const end = began + seconds * 1000
  let done = 0
  const worker = async () => {
    while (performance.now() < end) {
      await runTask()
      done++
    }
  }
  await Promise.all(Array.from({ length: concurrent }, worker))
  console.log(JSON.stringify({ rate: (done * 1000) / (performance.now() - began) }))
}
