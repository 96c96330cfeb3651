// `time_based` (spec 5.6, G24): inside a window of dates, days and times in a zone. The start is inclusive, the end
// exclusive; a window whose end is not after its start goes over midnight; dates are inclusive. Day and date are those
// of the moment of the request, also behind midnight.
import type { Evaluate, RuleOf, RuleSurroundings } from './rule.ts'

type Moment = { readonly date: string; readonly day: number; readonly minute: number }

const minuteMs = 60_000
const dayMinutes = 24 * 60

export function timeBased(rule: RuleOf<'time_based'>, { now }: RuleSurroundings): Evaluate {
  const momentOf = clockIn(rule.timezone)
  let known: { minute: number; inside: boolean } | undefined
  return () => {
    // offsets of zones are whole minutes: the answer holds for the minute
    const minute = Math.floor(now() / minuteMs)
    if (known?.minute !== minute) known = { minute, inside: isInside(rule, momentOf(minute * minuteMs)) }
    return known.inside === rule.allowDuringWindow ? 'allow' : 'deny'
  }
}

function isInside(rule: RuleOf<'time_based'>, { date, day, minute }: Moment): boolean {
  if (rule.days !== undefined && !rule.days.includes(day)) return false
  if (rule.startDate !== undefined && date < rule.startDate) return false
  if (rule.endDate !== undefined && date > rule.endDate) return false
  const { startMinute: start = 0, endMinute: end = dayMinutes } = rule
  return start < end ? minute >= start && minute < end : minute >= start || minute < end
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** Tells date, day and time in a zone; throws for a zone that does not exist. */
function clockIn(timeZone: string): (nowMs: number) => Moment {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  return (nowMs) => {
    const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]))
    const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? ''
    return {
      date: `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`,
      day: days.indexOf(part('weekday')),
      minute: Number(part('hour')) * 60 + Number(part('minute')),
    }
  }
}
