// Every finding that a configuration can give: one table of codes, joined from one file per area. A code is stable:
// scripts filter by it.
import { backend } from './page/backend.ts'
import { egress } from './page/egress.ts'
import { file } from './page/file.ts'
import { ingress } from './page/ingress.ts'
import { internal } from './page/internal.ts'
import { management } from './page/management.ts'
import { material } from './page/material.ts'
import { meshes } from './page/mesh.ts'
import { middleware } from './page/middleware.ts'
import { name } from './page/name.ts'
import { network } from './page/network.ts'
import type { Page } from './page/page.ts'
import { policy } from './page/policy.ts'
import { provider } from './page/provider.ts'
import { proxy } from './page/proxy.ts'
import { reference } from './page/reference.ts'
import { route } from './page/route.ts'
import { schema } from './page/schema.ts'
import { support } from './page/support.ts'
import { tls } from './page/tls.ts'
import { url } from './page/url.ts'

const table = {
  ...file,
  ...schema,
  ...name,
  ...reference,
  ...url,
  ...proxy,
  ...provider,
  ...network,
  ...tls,
  ...material,
  ...route,
  ...backend,
  ...middleware,
  ...policy,
  ...ingress,
  ...egress,
  ...meshes,
  ...management,
  ...support,
  ...internal,
} as const

export type FindingCode = keyof typeof table

export const findings: Readonly<Record<FindingCode, Page>> = table
