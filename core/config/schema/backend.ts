// [backends.<name>] (spec 2.16): where pipelines send requests.
import * as v from 'valibot'
import { authentication, connection, maxRetries, protocol, timeoutSecs } from './connection.ts'
import { aeTitle } from './endpoint.ts'
import { choice, flag, integer, item, list, named, port, table, text, word } from './field.ts'

const dicomScu = { only: ['dicom_scu'] }
const storage = { only: ['storage'] }

const options = table(
  {
    base_url: v.optional(
      word('URL that everything is sent below; goes before the connection.', {
        aliases: ['url'],
        only: ['http', 'http3', 'fhir', 'dicomweb', 'jmix_backend'],
      }),
    ),
    host: v.optional(word('In place of `connection.host`.')),
    port: v.optional(port('In place of `connection.port`.')),
    protocol: v.optional(protocol({ otherwise: '`connection.protocol`' })),
    base_path: v.optional(text('In place of `connection.base_path`.')),
    path_prefix: v.optional(text('Put between base path and path.')),
    method: v.optional(word('Replaces the method of every request.')),
    headers: v.optional(named(text('Value.'), 'Set on every request.')),
    ca_cert_path: v.optional(word('In place of `connection.ca_cert_path`.')),
    timeout_secs: v.optional(timeoutSecs({ otherwise: '`timeout_secs` of the target' })),
    aet: v.optional(aeTitle('Title of the other side.', dicomScu)),
    local_aet: v.optional(aeTitle('Title of this side.', { ...dicomScu, otherwise: '`HARMONY_SCU`' })),
    use_tls: v.optional(flag('TLS.', dicomScu), false),
    dimse_retrieve_mode: v.optional(choice(['get', 'move'], 'How files are retrieved.', dicomScu), 'get'),
    incoming_store_port: v.optional(port('Port of files that are sent back.', { ...dicomScu, otherwise: '11123' })),
    persistent_store_scp: v.optional(flag('Keeps that port open.', dicomScu), false),
    max_pdu: v.optional(integer(16_384, 131_072, 'Bytes of a protocol unit.', dicomScu), 65_536),
    storage_dir: v.optional(word('Folder of received files.', dicomScu)),
    use_dcmtk_store: v.optional(flag('Receives files with another program.', dicomScu), false),
    root: v.optional(word('Folder or URL of the storage.', storage)),
    write_pattern: v.optional(word('Path of what is written.', storage)),
    read_pattern: v.optional(word('Path of what is read.', storage)),
    region: v.optional(word('Region.', storage)),
    bucket: v.optional(word('Bucket.', storage)),
    access_key_id: v.optional(word('Access key.', { ...storage, secret: true })),
    secret_access_key: v.optional(word('Secret of the access key.', { ...storage, secret: true })),
    endpoint: v.optional(word('URL of a service that speaks S3.', storage)),
  },
  'Options of the service; they go before the connection.',
)

export const backend = table(
  {
    id: v.optional(text('Identity for other tools.')),
    service: word('Service that requests are sent with: `http`, `http3`, `fhir`, `dicomweb`, `echo`.', {
      spellings: { dicom: 'dicom_scu' },
    }),
    target_ref: v.optional(word('Target whose connection is taken.', { names: 'targets' })),
    connection: v.optional(connection),
    authentication,
    timeout_secs: v.optional(timeoutSecs({ otherwise: 'that of the target, else 30' })),
    max_retries: v.optional(maxRetries({ otherwise: 'that of the target, else 3' })),
    targets: v.optional(list(item, 'Several targets.', { ignored: true, names: 'targets' })),
    options: v.optional(options, {}),
  },
  'Where a pipeline sends requests.',
)
