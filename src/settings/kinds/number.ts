import { kind, refuse } from './kind.ts'

/** For a service `metrics`, Kubernetes sets `METRICS_PORT` in the pods of its namespace to such an address. */
const SERVICE_LINK = /^(tcp|udp|sctp):\/\//

/** Only digits: JavaScript would also read `1e3`, `0x10` and a blank as numbers, and no one writes them on purpose. */
export const wholeNumber = (min: number, max: number) => kind((text) => parseWholeNumber(text, min, max))

export function parseWholeNumber(text: string, min: number, max: number) {
  if (/^\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text)
  if (SERVICE_LINK.test(text))
    refuse('is a link of Kubernetes to a service: set enableServiceLinks: false in the pod')
  return refuse(`must be a whole number from ${min} to ${max}, in digits and without a unit`)
}

/** A part of a whole, such as `0.1`. */
export const Share = kind((text) => {
  return /^\d+(\.\d+)?$/.test(text) && Number(text) <= 1
    ? Number(text)
    : refuse('must be a number from 0 to 1, such as 0.1')
})
