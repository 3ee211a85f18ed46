/** Whether a host is this machine, as the name of a URL says it; http and mail without TLS go no further than that. */
export function isLocal(hostname: string) {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}
