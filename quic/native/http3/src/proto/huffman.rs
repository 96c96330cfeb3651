//! The Huffman code of string literals, RFC 7541 section 5.2 and appendix B, which QPACK uses
//! unchanged (RFC 9204 section 4.1.2). Only decoding: literals are sent plain, since the code
//! saves a quarter of a head's bytes for more work on both sides.

/// Bits of each symbol's code; symbol 256 is EOS. The code is canonical: codes of one length
/// follow each other in the order of their symbols, so the lengths say everything.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// What four bits do in a state. States are the inner nodes of the code's tree.
#[derive(Clone, Copy)]
struct Step {
    next: u8,
    flags: u8,
    symbol: u8,
}

/// The four bits end a symbol. No code is shorter than five bits, so they end one at most.
const EMIT: u8 = 1;
/// The input may end here: what follows the last symbol is fewer than eight bits, all ones.
const ACCEPT: u8 = 2;
/// The four bits complete EOS.
const FAIL: u8 = 4;

const EOS: u16 = 256;
/// A leaf in the tree, as opposed to the number of an inner node.
const LEAF: u16 = 0x8000;

static STEPS: [[Step; 16]; 256] = steps();

/// The codes' tree: for each inner node, where a zero and a one lead. 257 leaves make 256 inner
/// nodes; node 0 is the root, never a child, so 0 says that a child is missing.
const fn tree() -> [[u16; 2]; 256] {
    let mut nodes = [[0u16; 2]; 256];
    let mut used = 1;
    let mut code = 0u32;
    let mut len = 5;
    while len <= 30 {
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] == len {
                let mut node = 0;
                let mut bit = len - 1;
                while bit > 0 {
                    let side = ((code >> bit) & 1) as usize;
                    if nodes[node][side] == 0 {
                        nodes[node][side] = used;
                        used += 1;
                    }
                    node = nodes[node][side] as usize;
                    bit -= 1;
                }
                nodes[node][(code & 1) as usize] = LEAF | symbol as u16;
                code += 1;
            }
            symbol += 1;
        }
        code <<= 1;
        len += 1;
    }
    nodes
}

const fn steps() -> [[Step; 16]; 256] {
    let nodes = tree();
    // RFC 7541 section 5.2: padding is the start of EOS, all ones, at most seven bits.
    let mut padding = [false; 256];
    let mut node = 0;
    let mut bits = 0;
    while bits < 8 {
        padding[node] = true;
        node = nodes[node][1] as usize;
        bits += 1;
    }
    let mut steps = [[Step {
        next: 0,
        flags: 0,
        symbol: 0,
    }; 16]; 256];
    let mut start = 0;
    while start < 256 {
        let mut nibble = 0;
        while nibble < 16 {
            let mut node = start;
            let mut step = Step {
                next: 0,
                flags: 0,
                symbol: 0,
            };
            let mut bit = 4;
            while bit > 0 {
                bit -= 1;
                let child = nodes[node][(nibble >> bit) & 1];
                if child & LEAF == 0 {
                    node = child as usize;
                } else if child == LEAF | EOS {
                    step.flags |= FAIL;
                    node = 0;
                } else {
                    step.flags |= EMIT;
                    step.symbol = (child & 0xff) as u8;
                    node = 0;
                }
            }
            if padding[node] {
                step.flags |= ACCEPT;
            }
            step.next = node as u8;
            steps[start][nibble] = step;
            nibble += 1;
        }
        start += 1;
    }
    steps
}

/// Appends what `coded` stands for. False when it holds EOS or ends in padding that is longer
/// than seven bits or not all ones (RFC 7541 section 5.2). At most 8/5 of the input's length is
/// appended.
pub fn decode(coded: &[u8], out: &mut Vec<u8>) -> bool {
    out.reserve(coded.len() * 8 / 5);
    let mut state = 0;
    let mut flags = ACCEPT;
    for byte in coded {
        for nibble in [byte >> 4, byte & 0xf] {
            let step = STEPS[usize::from(state)][usize::from(nibble)];
            if step.flags & EMIT != 0 {
                out.push(step.symbol);
            }
            if step.flags & FAIL != 0 {
                return false;
            }
            state = step.next;
            flags = step.flags;
        }
    }
    flags & ACCEPT != 0
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The code of a symbol, by its definition instead of through the tree.
    fn code(symbol: usize) -> (u64, u8) {
        let mut code = 0u64;
        for len in 5..=30 {
            for (at, bits) in LENGTHS.iter().enumerate() {
                if *bits == len {
                    if at == symbol {
                        return (code, len);
                    }
                    code += 1;
                }
            }
            code <<= 1;
        }
        (0, 0)
    }

    fn bits(symbols: &[usize]) -> Vec<bool> {
        symbols
            .iter()
            .flat_map(|symbol| {
                let (code, len) = code(*symbol);
                (0..len).rev().map(move |bit| (code >> bit) & 1 == 1)
            })
            .collect()
    }

    fn pack(bits: &[bool]) -> Vec<u8> {
        bits.chunks(8)
            .map(|chunk| {
                (0..8).fold(0, |byte, at| {
                    (byte << 1) | u8::from(*chunk.get(at).unwrap_or(&true))
                })
            })
            .collect()
    }

    pub fn encode(plain: &[u8]) -> Vec<u8> {
        let symbols: Vec<usize> = plain.iter().map(|byte| usize::from(*byte)).collect();
        pack(&bits(&symbols))
    }

    fn decoded(coded: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decode(coded, &mut out).then_some(out)
    }

    #[test]
    fn rfc7541_c4_and_c6_sample_strings_decode() {
        let samples: [(&[u8], &[u8]); 4] = [
            (
                &[
                    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
                ],
                b"www.example.com",
            ),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], b"no-cache"),
            (
                &[
                    0x9d, 0x29, 0xad, 0x17, 0x18, 0x63, 0xc7, 0x8f, 0x0b, 0x97, 0xc8, 0xe9, 0xae,
                    0x82, 0xae, 0x43, 0xd3,
                ],
                b"https://www.example.com",
            ),
            (&[0x64, 0x02], b"302"),
        ];
        for (coded, plain) in samples {
            assert_eq!(decoded(coded).as_deref(), Some(plain));
            assert_eq!(encode(plain), coded);
        }
    }

    #[test]
    fn rfc7541_b_codes_at_the_edges_are_as_printed() {
        assert_eq!(code(0), (0x1ff8, 13));
        assert_eq!(code(usize::from(b'0')), (0, 5));
        assert_eq!(code(usize::from(b'\\')), (0x7fff0, 19));
        assert_eq!(code(22), (0x3fff_fffe, 30));
        assert_eq!(code(255), (0x3ff_ffee, 26));
        assert_eq!(code(256), (0x3fff_ffff, 30));
    }

    #[test]
    fn rfc7541_5_2_padding_longer_than_seven_bits_is_refused() {
        let mut coded = encode(b"302");
        coded.push(0xff);
        assert_eq!(decoded(&coded), None);
        assert_eq!(decoded(&[0xff]), None);
    }

    #[test]
    fn rfc7541_5_2_padding_that_is_not_all_ones_is_refused() {
        // 'a' is 00011, then three bits of padding.
        assert_eq!(decoded(&[0b0001_1111]).as_deref(), Some(&b"a"[..]));
        for padding in 0..7 {
            assert_eq!(decoded(&[0b0001_1000 | padding]), None, "{padding:03b}");
        }
    }

    #[test]
    fn rfc7541_5_2_eos_is_refused() {
        assert_eq!(decoded(&pack(&bits(&[256]))), None);
        assert_eq!(decoded(&pack(&bits(&[97, 256, 97]))), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(plain: Vec<u8>) {
            let decoded = decoded(&encode(&plain));
            prop_assert_eq!(decoded.as_deref(), Some(&plain[..]));
        }

        #[test]
        fn any_bytes_decode_within_bounds(coded: Vec<u8>) {
            let mut out = Vec::new();
            if decode(&coded, &mut out) {
                prop_assert_eq!(encode(&out), coded.clone());
            }
            prop_assert!(out.len() <= coded.len() * 8 / 5);
        }
    }
}
