/**
 * Repeats a task for some seconds, with some tasks at the same time, and prints the rate per second. It shows the
 * rate of the work that a server does, without the server.
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
