// [endpoints.<name>] (spec 2.15): what pipelines answer at.
import * as v from 'valibot'
import { authentication, connection } from './connection.ts'
import { flag, form, integer, item, named, port, some, table, text, word } from './field.ts'

const jmix = { only: ['jmix'] }
const dicomScp = { only: ['dicom_scp'] }
const aet = /^[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$/
const aetRule = 'must be 1 to 16 characters of ASCII, without backslash'

/** The title of a DICOM application. */
export const aeTitle = (meaning: string, note = {}) => form(aet, aetRule, meaning, note)

const options = table(
  {
    path_prefix: v.optional(
      text('Path below which the endpoint answers, at a boundary of segments.', {
        needed: 'it is bound by no ingress alone and the service speaks HTTP',
      }),
    ),
    method: v.optional(word('The one method that is answered; HEAD goes with GET.', { otherwise: 'all' })),
    methods: v.optional(some(item, 'The methods that are answered; HEAD goes with GET.', { otherwise: 'all' })),
    skip_hashing: v.optional(flag('Packages without hashes.', jmix), false),
    skip_listing: v.optional(flag('Packages without a list of files.', jmix), false),
    store_dir: v.optional(word('Folder of packages.', jmix)),
    local_aet: v.optional(
      aeTitle('Title of this side.', { ...dicomScp, aliases: ['aet'], otherwise: '`HARMONY_SCP`' }),
    ),
    port: v.optional(port('TCP port.', { ...dicomScp, otherwise: '11112' })),
    bind_addr: v.optional(word('Address to listen at.', { ...dicomScp, otherwise: '`0.0.0.0`' })),
    enable_echo: v.optional(flag('C-ECHO.', dicomScp), true),
    enable_store: v.optional(flag('C-STORE.', dicomScp), false),
    enable_find: v.optional(flag('C-FIND.', dicomScp), false),
    enable_move: v.optional(flag('C-MOVE.', dicomScp), false),
    enable_get: v.optional(flag('C-GET.', dicomScp), false),
    storage_dir: v.optional(word('Folder of received files.', dicomScp)),
    max_pdu: v.optional(integer(16_384, 131_072, 'Bytes of a protocol unit.', dicomScp), 65_536),
    aet_table: v.optional(
      named(
        table(
          {
            ae_title: v.optional(aeTitle('Title of the destination.')),
            host: word('Its host.'),
            port: port('Its port.'),
          },
          'A destination.',
        ),
        'Destinations of C-MOVE.',
        dicomScp,
      ),
    ),
  },
  'Options of the service.',
)

export const endpoint = table(
  {
    id: v.optional(text('Identity for other tools.')),
    service: word('Service that answers: `http`, `http3`, `fhir`, `dicomweb`, `echo`.', {
      spellings: { dimse: 'dicom_scp', dicom: 'dicom_scp' },
    }),
    peer_ref: v.optional(word('Peer whose connection is taken.', { names: 'peers' })),
    connection: v.optional(connection),
    authentication,
    options: v.optional(options, {}),
  },
  'What a pipeline answers at.',
)
