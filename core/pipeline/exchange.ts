// One request on its way through a pipeline: what middleware and services see of it.
import type { Backend, Endpoint, Ingress, Network, Pipeline } from '../config/model.ts'
import type { Log } from '../log/log.ts'
import type { MeshContext } from '../mesh/context.ts'
import type { Signer } from '../mesh/mint.ts'
import type { HeaderEdit, RequestHead } from '../../quic/index.ts'

/** A request's head with the fields that the client meant for the application: never a mesh token. */
export type HeadView = Pick<
  RequestHead,
  | 'id'
  | 'version'
  | 'protocol'
  | 'tls'
  | 'method'
  | 'scheme'
  | 'authority'
  | 'target'
  | 'headers'
  | 'header'
  | 'headerAll'
  | 'contentLength'
  | 'mayHaveBody'
  | 'upgrade'
  | 'localPort'
  | 'signal'
>

/** A head as it came in, and from where: all that a decision reads. */
export type Arrival = HeadView & Pick<RequestHead, 'remoteAddress'>

export type Exchange = {
  /** The request id: in the log, in `x-request-id`, in bodies that the gateway makes. */
  readonly id: string
  /** Without the mesh token, once a mesh has accepted it. */
  head: HeadView
  /** The head as it came, the mesh token in it: for an explicit `mesh_auth` alone. */
  readonly arrived?: HeadView | undefined
  /** The peer, or whom a trusted proxy speaks for; IPv4-mapped IPv6 is unwrapped. */
  readonly clientAddress: string
  /** The address of the socket's peer, unwrapped. */
  readonly peerAddress: string
  readonly network: Network
  readonly pipeline: Pipeline
  readonly endpoint: Endpoint
  /** How the request was matched: an ingress URL, else the endpoint's own prefix. */
  readonly ingress: Ingress | undefined
  /** The prefix that matched: the ingress URL's path or the endpoint's. */
  readonly prefix: string
  /** What follows the prefix, without its first slash, byte for byte, without the query. */
  readonly path: string
  /** `?` and what follows it, byte for byte; empty without. */
  readonly query: string
  /** Set by the ingress check or by a `mesh_auth`. */
  mesh: MeshContext | undefined
  /** Set by a `mesh_auth` with direction egress: signs in place of the egress's mesh. */
  signer: Signer | undefined
  /** Changes to the request's fields on its way to the upstream, in order. */
  readonly edits: HeaderEdit[]
  /** The default backend of the pipeline. */
  readonly backend: Backend | undefined
  /** Strings about the request that middleware leaves for middleware (5.1). */
  readonly metadata: Map<string, string>
  /** Content that a middleware asked for; none otherwise. */
  body: Uint8Array | undefined
  readonly log: Log
}
