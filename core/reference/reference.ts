// References to resources by name or id (spec 8.1).
export type ResourceType = 'ingress' | 'egress' | 'pipeline' | 'endpoint' | 'backend' | 'mesh'

/** A reference as it was parsed; `text` is as it was written. */
export type Reference = { readonly text: string } & (
  | { readonly kind: 'local'; readonly name: string }
  | { readonly kind: 'id'; readonly provider: string; readonly team: string | undefined; readonly id: string }
  | {
      readonly kind: 'typed'
      readonly provider: string
      readonly team: string
      readonly type: ResourceType
      readonly by: 'name' | 'id'
      readonly value: string
    }
)
