/** The id of an event as readers see it: the same in all its deliveries and when it is pulled. */
export const toMessageId = (id: string) => `msg_${id}`
