/** Bun sends a larger answer that is not ready at once in many small packets: one for each part of each header. */
const MAX_WHOLE_CHARACTERS = 15_000

/** The body of an answer. A long one is a stream, which Bun sends in two packets, in a quarter of the time. */
export function toBody(text: string): string | ReadableStream<Uint8Array> {
  if (text.length < MAX_WHOLE_CHARACTERS) return text
  return new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(text))
      controller.close()
    },
  })
}
