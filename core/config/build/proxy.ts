// [proxy] and [logging].
import { resolve } from 'node:path'
import { compileAddresses } from '../../address.ts'
import type { Logging, Proxy } from '../model.ts'
import { headDefaults, maxCollectedDefault } from '../schema/proxy.ts'
import { failure } from './rule.ts'
import type { Scope } from './scope.ts'

export function buildProxy(scope: Scope): Proxy | undefined {
  const entry = scope.raw.proxy
  // Its absence has its own finding.
  if (entry === undefined) return undefined
  const { value, place } = entry
  const identity = value.id ?? value.name
  if (identity === undefined)
    scope.report({
      code: 'proxy/no-identity',
      message: '[proxy] has neither id nor name: the gateway needs one of them',
      place,
      mark: 'key',
    })
  for (const [index, text] of value.trusted_proxies.entries())
    if (failure(() => compileAddresses([text])) !== undefined)
      scope.report({
        code: 'proxy/trusted-proxy',
        message: `proxy.trusted_proxies has "${text}": must be an IP address or a range such as 10.0.0.0/8`,
        place: entry.at('trusted_proxies', index),
      })
  const limits = value.content_limits
  return {
    identity: identity ?? '',
    jwksCacheHours: value.jwks_cache_duration_hours,
    limits: {
      maxBodySize: limits.max_body_size,
      maxCollected: limits.max_body_size ?? maxCollectedDefault,
      maxHeadBytes: limits.max_head_bytes ?? headDefaults.maxHeadBytes,
      maxFields: limits.max_fields ?? headDefaults.maxFields,
      maxTargetBytes: limits.max_target_bytes ?? headDefaults.maxTargetBytes,
    },
    requiredEnvVars: value.required_env_vars,
    sensitiveFieldPatterns: value.sensitive_field_patterns,
    primaryProvider: value.primary_provider,
    trustedProxies: value.trusted_proxies,
    place,
  }
}

export function buildLogging(scope: Scope): Logging {
  const value = scope.raw.logging?.value
  const file = value?.log_to_file ? value.log_file_path : undefined
  return {
    level: value?.log_level ?? 'info',
    file: file === undefined ? undefined : resolve(scope.cwd, file),
    logPaths: value?.log_paths ?? false,
  }
}
