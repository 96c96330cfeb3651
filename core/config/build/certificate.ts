// What is checked of certificates besides that they can be read: their dates, and their order in a chain.
import type { X509Certificate } from 'node:crypto'
import type { Report } from '../../finding/finding.ts'
import { amount } from '../../finding/words.ts'
import type { Setting } from './material.ts'

const dayMs = 24 * 60 * 60 * 1000
const soonMs = 30 * dayMs

/** False when the first certificate cannot be used any more. */
export function checkDates(
  chain: readonly X509Certificate[],
  setting: Setting,
  now: number,
  report: (report: Report) => void,
  renew = 'renew it: clients refuse a certificate that has ended',
): boolean {
  const place = setting.place
  const subject = `${setting.key} names ${setting.path}, whose certificate`
  let usable = true
  for (const [index, { validFromDate, validToDate }] of chain.entries()) {
    const which = chain.length > 1 ? `${subject} ${index + 1}` : subject
    const [from, to] = [validFromDate.getTime(), validToDate.getTime()]
    if (now >= to) {
      // Chains carry ended roots on purpose, for old clients; an ended first certificate serves nobody.
      if (index === 0) usable = false
      const severity = index === 0 ? undefined : 'warning'
      report({ code: 'tls/expired', message: `${which} ended on ${day(to)}`, place, help: renew, severity })
    } else if (to - now < soonMs) {
      const left = Math.max(1, Math.floor((to - now) / dayMs))
      const message = `${which} ends on ${day(to)}, in ${amount(left, 'day')}`
      report({ code: 'tls/ends-soon', message, place, help: 'renew it: the gateway takes up a changed file by itself' })
    } else if (now < from) {
      const help = 'check the clock of this machine, or wait'
      report({ code: 'tls/not-yet-valid', message: `${which} is valid from ${day(from)} only`, place, help })
    }
  }
  return usable
}

/** Each certificate is issued by the next: clients do not have to look for it. */
export function checkOrder(
  chain: readonly X509Certificate[],
  setting: Setting,
  report: (report: Report) => void,
): void {
  const broken = chain.findIndex((certificate, index) => {
    const issuer = chain[index + 1]
    return issuer !== undefined && !certificate.checkIssued(issuer)
  })
  if (broken === -1) return
  report({
    code: 'tls/chain',
    message: `${setting.key} names ${setting.path}, whose certificate ${broken + 1} is not issued by the next one`,
    place: setting.place,
    help: 'the server certificate comes first, then each issuer in turn; the root may be left out',
  })
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
