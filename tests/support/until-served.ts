import { pause } from './time.ts'

/** Asks until the answer is no 503, as clients do. A busy machine answers some at any time. */
export async function untilServed<T extends { code?: string | undefined }>(
  ask: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer.code !== 'SERVICE_UNAVAILABLE') return answer
    await pause(100)
  }
}
