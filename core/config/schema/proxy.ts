// [proxy], [management], [logging], [storage], and the deprecated [runbeam] (spec 2.1, 2.3, 2.4, 2.6, 2.7).
import * as v from 'valibot'
import { choice, flag, integer, item, list, table, text, unbounded, word } from './field.ts'

const mebibyte = 1024 * 1024

/** Decision 19: what holds where neither [proxy] nor the network says otherwise. */
export const headDefaults = { maxHeadBytes: 65_536, maxFields: 200, maxTargetBytes: 16_384 } as const

/** Decision 5: the bound of bodies held in memory, unless `max_body_size` says otherwise. */
export const maxCollectedDefault = 10 * mebibyte

export const maxHeadBytes = (note: { otherwise?: string } = {}) =>
  integer(1024, 16 * mebibyte, 'Bytes of a request head; above it the answer is 431.', { harmony: true, ...note })
export const maxFields = (note: { otherwise?: string } = {}) =>
  integer(1, 10_000, 'Fields of a request head; above it the answer is 431.', { harmony: true, ...note })
export const maxTargetBytes = (note: { otherwise?: string } = {}) =>
  integer(64, 16 * mebibyte, 'Bytes of a request target, that is path and query; above it the answer is 414.', {
    harmony: true,
    ...note,
  })

const contentLimits = table(
  {
    max_body_size: v.optional(
      integer(1024, unbounded, 'Bytes of a request body. When it is set, larger bodies are answered 413.', {
        otherwise: '10485760 for bodies that are held in memory; no limit for those that are streamed',
      }),
    ),
    max_csv_rows: v.optional(integer(1, unbounded, 'Rows of a CSV body that is parsed.'), 10_000),
    max_xml_depth: v.optional(integer(1, 1000, 'Depth of an XML body that is parsed.'), 100),
    max_multipart_files: v.optional(integer(1, unbounded, 'Files of a multipart body that is parsed.'), 10),
    max_form_fields: v.optional(integer(1, unbounded, 'Fields of a form that is parsed.'), 1000),
    max_head_bytes: v.optional(maxHeadBytes(), headDefaults.maxHeadBytes),
    max_fields: v.optional(maxFields(), headDefaults.maxFields),
    max_target_bytes: v.optional(maxTargetBytes(), headDefaults.maxTargetBytes),
  },
  'Bounds of what clients may send.',
)

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const

export const proxy = table(
  {
    id: v.optional(
      word('Identity of this gateway: the `sub` of its tokens.', { needed: 'there is no `name`', otherwise: '`name`' }),
    ),
    name: v.optional(word('Name of this gateway for people.', { needed: 'there is no `id`' })),
    pipelines_path: v.optional(
      word('Folder of the pipeline files, relative to the folder of the main file.'),
      'pipelines',
    ),
    transforms_path: v.optional(
      word('Folder of the transform specifications, relative to the folder of the main file.'),
      'transforms',
    ),
    mesh_path: v.optional(word('Folder of the mesh files, relative to the folder of the main file.'), 'mesh'),
    jwks_cache_duration_hours: v.optional(integer(1, 168, 'Hours that fetched key sets are kept.'), 24),
    content_limits: v.optional(contentLimits, {}),
    required_env_vars: v.optional(
      list(item, 'Environment variables without which the gateway does not start: each must be set and not empty.'),
      () => [],
    ),
    sensitive_field_patterns: v.optional(
      list(item, 'Names of fields whose values are masked in logs; `*` stands for any characters: `*_key`.'),
      () => [],
    ),
    primary_provider: v.optional(
      word('Where configuration and references come from: `local`, or the name of a provider.', { names: 'provider' }),
      'runbeam',
    ),
    trusted_proxies: v.optional(
      list(
        item,
        'Networks in CIDR notation, or addresses, whose `Forwarded` and `X-Forwarded-*` headers are believed.',
        { harmony: true },
      ),
      () => [],
    ),
    store_dir: v.optional(text('Folder of older versions.', { ignored: true })),
  },
  'The gateway itself.',
)

export const management = table(
  {
    enabled: v.optional(flag('Whether the management routes are served.'), false),
    base_path: v.optional(
      word('First segment of the path of the management routes, without slashes.', { trimmed: true }),
      'admin',
    ),
    network: v.optional(word('Network that serves them.', { names: 'network', needed: '`enabled` is true' })),
    token: v.optional(
      word('Bearer token that opens the routes that change something to others than loopback addresses.', {
        harmony: true,
        secret: true,
        otherwise: 'the environment variable `HARMONY_MANAGEMENT_TOKEN`; without it, loopback addresses alone',
      }),
    ),
  },
  'Routes for operators.',
)

const loggingTable = table(
  {
    log_level: v.optional(choice(logLevels, 'The least severe lines that are logged.'), 'info'),
    log_to_file: v.optional(flag('Whether lines go to a file too.'), false),
    log_file_path: v.optional(
      word('That file, relative to the working directory.', { needed: '`log_to_file` is true' }),
    ),
    log_paths: v.optional(
      flag(
        'Whether access lines hold the whole path of a request. Paths of health records name patients: without it, ' +
          'lines hold the part that the configuration names.',
        { harmony: true },
      ),
      false,
    ),
  },
  'What is logged, and where.',
)

export const logging = v.pipe(
  loggingTable,
  v.forward(
    v.check(
      ({ log_to_file, log_file_path }) => !log_to_file || log_file_path !== undefined,
      'is required when `log_to_file` is true',
    ),
    ['log_file_path'],
  ),
)

const storageTable = table(
  {
    backend: v.optional(choice(['filesystem', 's3', 'memory'], 'Kind of storage.'), 'filesystem'),
    options: v.optional(
      table(
        {
          path: v.optional(word('Folder, relative to the working directory.', { only: ['filesystem'] }), './tmp'),
          bucket: v.optional(word('Bucket.', { only: ['s3'], needed: '`backend` is `s3`' })),
          region: v.optional(word('Region.', { only: ['s3'] })),
          access_key_id: v.optional(word('Access key.', { only: ['s3'], secret: true })),
          secret_access_key: v.optional(word('Secret of the access key.', { only: ['s3'], secret: true })),
          endpoint: v.optional(word('URL of a service that speaks S3.', { only: ['s3'] })),
        },
        'Options of the storage.',
      ),
      {},
    ),
  },
  'Storage that services share.',
)

export const storage = v.pipe(
  storageTable,
  v.forward(
    v.check(
      ({ backend, options }) => backend !== 's3' || options.bucket !== undefined,
      'is required when `backend` is `s3`',
    ),
    ['options', 'bucket'],
  ),
)

export const runbeam = table(
  {
    enabled: v.optional(flag('Now `proxy.primary_provider`: `"runbeam"` when true, else `"local"`.'), false),
    cloud_api_base_url: v.optional(word('Now `provider.runbeam.api`.')),
    poll_interval_secs: v.optional(integer(0, 3600, 'Now `provider.runbeam.poll_interval_secs`.'), 30),
  },
  'Deprecated: use `proxy.primary_provider` and `[provider.runbeam]`.',
)

export const provider = table(
  {
    api: v.optional(word('Base URL of the provider.', { needed: 'the provider is not `local`' })),
    poll_interval_secs: v.optional(
      integer(0, 3600, 'Seconds between two looks at the provider; 0: never, references are resolved all the same.'),
      30,
    ),
    enabled: v.optional(flag('Whether the provider is used.'), true),
  },
  'A provider of configuration and references. `local` is always there.',
)
