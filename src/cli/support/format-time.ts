/** A time for an operator, in UTC and whole seconds. */
export const formatTime = (time: Date | string) =>
  `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`
