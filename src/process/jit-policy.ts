/** How many times more often code must run before the engine compiles it, until the server is ready. */
const RELUCTANCE = 1000

/** Most code of the start runs once, so compiling it costs more time and memory than it saves. For this thread only. */
export const postponeCompilation = () => Bun.unsafe.setJITPolicy(RELUCTANCE)

/** The usual policy of the engine, for code that requests run often. */
export const allowCompilation = () => Bun.unsafe.setJITPolicy(1)
