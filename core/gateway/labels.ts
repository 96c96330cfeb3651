// Values of labels: from fixed tables, or names whose number is bounded.

/** Statuses that have a series each (the registry of RFC 9110 16.2.1); an upstream may send any of 500. */
const statuses = new Map(
  [
    200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404,
    405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451,
    500, 501, 502, 503, 504, 505, 506, 507, 508, 511,
  ].map((status) => [status, String(status)]),
)

/** `200`; `2xx` for a status that no registry knows; `none` when no answer left. */
export function statusLabel(status: number): string {
  return statuses.get(status) ?? (status >= 100 && status <= 599 ? `${Math.floor(status / 100)}xx` : 'none')
}

/** Lets through the first `limit` names that it sees, and calls all others `other`. */
// reloads may bring new names for as long as the process lives
export function bounded(limit: number): (name: string) => string {
  const known = new Set<string>()
  return (name) => {
    if (known.has(name)) return name
    if (known.size >= limit) return 'other'
    known.add(name)
    return name
  }
}
