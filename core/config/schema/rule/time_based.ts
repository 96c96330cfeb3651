// The rule time_based (spec 5.6). What is malformed is refused here: a rule that never matches protects nothing.
import * as v from 'valibot'
import { flag, form, some, table, word } from '../field.ts'

const clock = /^(?:[01]\d|2[0-3]):[0-5]\d$/
const end = /^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/
const date = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/
const weekday = ['Sun-day', 'Mon-day', 'Tue-sday', 'Wed-nesday', 'Thu-rsday', 'Fri-day', 'Sat-urday'].map((name) => {
  const [short = '', rest = ''] = name.split('-')
  return `[${short.charAt(0)}${short.charAt(0).toLowerCase()}]${short.slice(1)}(?:${rest})?`
})
// Without a flag for the case: JSON Schema has none.
const day = new RegExp(`^(?:${weekday.join('|')})$`)

export const timeBased = table(
  {
    allow_during_window: v.optional(flag('Whether the window is when requests are allowed, or denied.'), true),
    timezone: v.optional(word('Name of a time zone: `Europe/Berlin`.'), 'UTC'),
    start_time: v.optional(
      form(clock, 'must be HH:MM', 'First minute of the window, `HH:MM`.', { date: true, otherwise: '`00:00`' }),
    ),
    end_time: v.optional(
      form(end, 'must be HH:MM', 'The minute after its last, `HH:MM`; before `start_time`, it is on the next day.', {
        date: true,
        otherwise: '`24:00`',
      }),
    ),
    days_of_week: v.optional(
      some(form(day, 'must be a day, such as "monday" or "mon"', 'Day.'), 'Days of the window: `monday` or `mon`.', {
        otherwise: 'all',
      }),
    ),
    start_date: v.optional(form(date, 'must be YYYY-MM-DD', 'First day of the window, `YYYY-MM-DD`.', { date: true })),
    end_date: v.optional(form(date, 'must be YYYY-MM-DD', 'Its last day, `YYYY-MM-DD`.', { date: true })),
  },
  'Looks at the clock: allows in the window and denies outside, or the reverse.',
)
