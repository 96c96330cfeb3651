// What is asked about, as a client would send it: the URL taken apart without changing its path, because how the
// path is spelled may be the question.
import { domainToASCII } from 'node:url'
import type { Field } from '../../../quic/index.ts'
import { bytesOf } from '../../pipeline/fields.ts'
import { defaultPort } from '../../route/url.ts'

export type Request = {
  readonly method: string
  /** http or https. */
  readonly url: string
  /** `Host` replaces the authority of the URL. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The name of the network that it comes in on; the one that fits best when it is left out. */
  readonly network?: string | undefined
  /** The address that it comes from. */
  readonly client?: string | undefined
  /** Unix time in ms. */
  readonly now: number
}

export type Asked = {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  /** Where a client would connect to. */
  readonly host: string
  readonly port: number
  readonly target: string
  readonly headers: readonly Field[]
  readonly client: string
  readonly notes: readonly string[]
}

export type Problem = { readonly code: string; readonly message: string; readonly help: string | undefined }

/** Reads a request; a problem is one that no client could send. */
export function readAsked(request: Request): Asked | { readonly problem: Problem } {
  const { method, url, client = '127.0.0.1' } = request
  const [, scheme = '', given = '', rest = ''] = shape.exec(url) ?? []
  if (given === '') return problem('explain/url', 'the URL is none of http or https', 'give it as https://host/path')
  const notes: string[] = []
  const end = given.lastIndexOf('@')
  if (end >= 0) notes.push('user information of the URL is no part of the request: it is left out')
  const [, name = '', digits] = /^(.*?)(?::([0-9]*))?$/s.exec(given.slice(end + 1)) ?? []
  const lower = scheme.toLowerCase() === 'https' ? 'https' : 'http'
  // browsers and curl send names beyond ASCII as DNS has them (RFC 5891)
  const host = /^[\0-\x7f]*$/.test(name) ? name : domainToASCII(name)
  const port = digits === undefined || digits === '' ? defaultPort(lower) : Number(digits)
  if (host === '' || !(port > 0 && port <= 65_535)) return problem('explain/url', 'the URL has no valid host and port')
  const headers = request.headers.map(([field, value]): Field => [field.toLowerCase(), bytesOf(value)])
  const length = headers.find(([field]) => field === 'content-length')?.[1]
  if (length !== undefined && !/^[0-9]{1,15}$/.test(length)) {
    return problem('explain/header', 'content-length is no number of bytes')
  }
  const hosts = headers.filter(([field]) => field === 'host')
  if (hosts.length > 1) return problem('explain/header', 'host is given more than once')
  // a client does not name the port that the scheme means
  const own = port === defaultPort(lower) ? host : `${host}:${port}`
  return {
    method,
    scheme: lower,
    authority: hosts[0]?.[1] ?? own,
    host: host.toLowerCase(),
    port,
    target: targetOf(rest),
    // the engine takes it out of the fields: the authority is what it said
    headers: headers.filter(([field]) => field !== 'host'),
    client,
    notes,
  }
}

const shape = /^(https?):\/\/([^/?#]+)([^#]*)/is

/** A fragment stays with the client; what is beyond ASCII is percent-encoded as UTF-8 (RFC 3986 2.5). */
function targetOf(rest: string): string {
  const ascii = rest.toWellFormed().replace(/[^\0-\x7f]+/g, encodeURIComponent)
  return ascii.startsWith('/') ? ascii : `/${ascii}`
}

function problem(code: string, message: string, help?: string): { readonly problem: Problem } {
  return { problem: { code, message, help } }
}
