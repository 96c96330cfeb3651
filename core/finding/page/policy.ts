// Findings about policies and their rules.
import type { Pages } from './page.ts'

export const policy = {
  'policy/option': {
    severity: 'error',
    title: 'an option of a rule cannot be used',
    meaning:
      'The option is missing or not of its kind: an address that is none, a regular expression that cannot be read, ' +
      'a time that does not exist, a time zone that nobody knows.',
    why: 'Such a rule would never match. One that denies would then let everything through.',
    wrong: `[rules.office]
id = "office"
type = "ip_deny"
options.ip_addresses = ["10.0.0.0/33"]`,
    right: `[rules.office]
id = "office"
type = "ip_deny"
options.ip_addresses = ["10.0.0.0/8"]`,
  },
  'policy/no-country': {
    severity: 'warning',
    title: 'a rule of type geo never matches',
    meaning: 'The rule looks at the country of the client. Nothing in this version finds out where a client is.',
    why: 'With mode "deny" it denies nobody, with mode "allow" it allows nobody.',
    wrong: `[rules.europe]
id = "europe"
type = "geo"
options = { country_codes = ["DE", "FR"], mode = "allow" }`,
    right: `[rules.europe]
id = "europe"
type = "ip_allow"
options.ip_addresses = ["192.0.2.0/24"]`,
  },
  'policy/never-allows': {
    severity: 'warning',
    title: 'a policies middleware can let nothing through',
    meaning:
      'A request passes when at least one rule allows it and none denies it. No enabled rule of this middleware can ' +
      'allow: rate_limit, ip_deny and rules of mode "deny" only deny.',
    why: 'Every request gets 403.',
    wrong: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]
middleware = ["limits"]

[middleware.limits]
type = "policies"
options.policies = ["limits"]

[policies.limits]
id = "limits"
rules = ["per-minute"]

[rules.per-minute]
id = "per-minute"
type = "rate_limit"
options = { max_requests = 60, window_seconds = 60 }`,
    right: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]
middleware = ["limits"]

[middleware.limits]
type = "policies"
options.policies = ["limits"]

[policies.limits]
id = "limits"
rules = ["per-minute", "anyone"]

[rules.per-minute]
id = "per-minute"
type = "rate_limit"
options = { max_requests = 60, window_seconds = 60 }

[rules.anyone]
id = "anyone"
type = "allow_all"`,
  },
} as const satisfies Pages
