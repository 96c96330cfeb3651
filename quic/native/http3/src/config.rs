use crate::proto::control::Side;
use crate::proto::section::Limits;
use crate::proto::settings::Settings;

/// What we allow a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of a field section: names, values, and 32 for each field (RFC 9114 section 4.2.2).
    /// Sent as SETTINGS_MAX_FIELD_SECTION_SIZE.
    pub max_field_section: u64,
    /// Fields of a field section, pseudo-header fields among them.
    pub max_fields: usize,
    /// Servers only: whether extended CONNECT is offered (RFC 9220 section 3).
    pub extended_connect: bool,
    /// Bytes of content which already came that are thrown away, in search of the end, before a
    /// peer is told to stop sending.
    pub max_discard: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_field_section: 64 * 1024,
            max_fields: 200,
            extended_connect: true,
            max_discard: 64 * 1024,
        }
    }
}

impl Config {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            bytes: self.max_field_section,
            fields: self.max_fields,
        }
    }

    pub(crate) fn settings(&self, side: Side) -> Settings {
        Settings {
            max_field_section: Some(self.max_field_section),
            // RFC 8441 section 3: only servers offer it.
            extended_connect: side == Side::Server && self.extended_connect,
        }
    }
}
