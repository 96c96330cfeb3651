// Every answer that the gateway makes by itself: code, status, and the sentence that the client reads (spec 4.4).
type Row = { readonly status: number; readonly message: string }

const table = {
  'request/path': { status: 400, message: 'the path can be read in more than one way' },
  'request/host': { status: 400, message: 'the request does not name a valid host' },
  'request/forwarded-loop': { status: 508, message: 'the request has passed this gateway before' },
  'route/none': { status: 404, message: 'nothing is served here' },
  'route/method': { status: 405, message: 'the method is not allowed here' },
  'mesh/required': { status: 403, message: 'a valid mesh token is required' },
  'mesh/egress-context': { status: 403, message: 'only requests that came through the mesh may leave here' },
  'mesh/unsigned': { status: 502, message: 'the gateway cannot sign for this destination' },
  'auth/missing': { status: 401, message: 'credentials are required' },
  'auth/invalid': { status: 401, message: 'the credentials were refused' },
  'auth/unavailable': { status: 401, message: 'the credentials cannot be checked now' },
  'policy/denied': { status: 403, message: 'the request is not allowed' },
  'path-filter/denied': { status: 404, message: 'nothing is served here' },
  'body/too-large': { status: 413, message: 'the request body is too large' },
  'body/no-room': { status: 503, message: 'the gateway holds too much content' },
  'backend/disabled': { status: 503, message: 'the service is disabled' },
  'backend/no-http3': { status: 502, message: 'the service cannot be reached over HTTP/3' },
  'service/unimplemented': { status: 501, message: 'this is not implemented here' },
  'reference/unavailable': { status: 503, message: 'the provider cannot be reached' },
  'reference/not-found': { status: 404, message: 'the destination is not known' },
  'reference/denied': { status: 403, message: 'the destination may not be used' },
  'management/denied': { status: 403, message: 'this may not be done from here' },
  'management/not-found': { status: 404, message: 'not found' },
  'request/timeout': { status: 408, message: 'the request did not arrive in time' },
  'request/incomplete': { status: 400, message: 'the request is not complete' },
  'upstream/failed': { status: 502, message: 'the service behind the gateway could not be reached' },
  'upstream/unavailable': { status: 503, message: 'the service behind the gateway takes no requests now' },
  'upstream/timeout': { status: 504, message: 'the service behind the gateway did not answer in time' },
  internal: { status: 500, message: 'the gateway failed' },
} as const satisfies Record<string, Row>

export type RefusalCode = keyof typeof table

export const refusals: Readonly<Record<RefusalCode, Row>> = table
