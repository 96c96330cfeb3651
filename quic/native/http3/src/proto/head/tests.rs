#![allow(clippy::unwrap_used)]

use super::super::compose;
use super::super::encode::Encoder;
use super::super::fault::{Code, Nature, Scope};
use super::super::varint;
use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    fields: 200,
};

type Fields<'a> = &'a [(&'a str, &'a [u8])];

const GET: [(&str, &[u8]); 4] = [
    (":method", b"GET"),
    (":scheme", b"https"),
    (":authority", b"example.com"),
    (":path", b"/a?b=c"),
];

fn payload(fields: Fields<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    let mut encoder = Encoder::new(&mut out);
    for (name, value) in fields {
        encoder.field(name, value, false);
    }
    out
}

fn read(fields: Fields<'_>) -> Result<(request::Parts, Content), Fault> {
    request(&payload(fields), LIMITS, true)
}

fn with<'a>(more: Fields<'a>) -> Vec<(&'a str, &'a [u8])> {
    GET.iter().chain(more).copied().collect()
}

fn without(name: &str) -> Vec<(&'static str, &'static [u8])> {
    GET.iter()
        .filter(|field| field.0 != name)
        .copied()
        .collect()
}

#[track_caller]
fn malformed<T: std::fmt::Debug>(result: Result<T, Fault>) {
    let fault = result.unwrap_err();
    assert_eq!(fault.code, Code::MESSAGE_ERROR, "{}", fault.detail);
    assert_eq!(fault.scope, Scope::Stream);
}

#[test]
fn rfc9114_4_3_1_a_request_is_read() {
    let (parts, content) = read(&with(&[("x-one", b"1"), ("x-one", b"\xff2")])).unwrap();
    assert_eq!(parts.method, Method::GET);
    assert_eq!(parts.uri, "https://example.com/a?b=c");
    assert_eq!(parts.version, Version::HTTP_3);
    let values: Vec<&[u8]> = parts
        .headers
        .get_all("x-one")
        .iter()
        .map(|v| v.as_bytes())
        .collect();
    assert_eq!(values, [&b"1"[..], b"\xff2"]);
    assert_eq!(content, Content::Message(None));
}

#[test]
fn rfc9114_4_3_1_each_pseudo_field_is_mandatory() {
    for name in [":method", ":scheme", ":authority", ":path"] {
        malformed(read(&without(name)));
    }
}

#[test]
fn rfc9114_4_3_1_pseudo_fields_occur_once() {
    for field in GET {
        let mut fields = GET.to_vec();
        fields.push(field);
        malformed(read(&fields));
    }
}

#[test]
fn rfc9114_4_3_pseudo_fields_come_first() {
    let mut fields = GET.to_vec();
    fields.insert(3, ("x", b"1"));
    malformed(read(&fields));
}

#[test]
fn rfc9114_4_3_unknown_and_misplaced_pseudo_fields_are_refused() {
    let mut fields = GET.to_vec();
    fields.insert(0, (":status", b"200"));
    malformed(read(&fields));
    fields[0] = (":path-info", b"/");
    malformed(read(&fields));
    fields[0] = (":", b"/");
    malformed(read(&fields));
}

#[test]
fn rfc9114_4_3_1_empty_or_relative_paths_are_refused() {
    for path in [
        &b""[..],
        b"a",
        b"*",
        b"/a b",
        b"/a#b",
        b"?a",
        b"#",
        b"http://a/",
        b"/\0",
        b"/\n",
        b"/\x7f",
    ] {
        let mut fields = GET.to_vec();
        fields[3].1 = path;
        malformed(read(&fields));
    }
}

#[test]
fn rfc9114_4_3_1_a_path_is_kept_byte_for_byte() {
    for path in [
        "/",
        "//a",
        "/a/../b/./c",
        "/%2f%2F?",
        "/?a=b&&c=?/",
        "/a;b=c",
        "/\u{e9}",
    ] {
        let mut fields = GET.to_vec();
        fields[3].1 = path.as_bytes();
        let (parts, _) = read(&fields).unwrap();
        assert_eq!(parts.uri.path_and_query().unwrap().as_str(), path);
    }
}

#[test]
fn rfc9114_4_3_1_options_may_ask_about_the_whole_server() {
    let mut fields = GET.to_vec();
    fields[0].1 = b"OPTIONS";
    fields[3].1 = b"*";
    assert_eq!(read(&fields).unwrap().0.uri.path(), "*");
}

#[test]
fn a_target_that_is_too_long_is_a_limit() {
    let path = [b"/", &vec![b'a'; 65_534][..]].concat();
    let mut fields = GET.to_vec();
    fields[3].1 = &path;
    assert_eq!(read(&fields).unwrap_err().nature, Nature::Target);
    fields[3].1 = &path[..65_534];
    assert!(read(&fields).is_ok());
}

#[test]
fn rfc9114_4_3_1_host_stands_in_for_authority() {
    let mut fields = without(":authority");
    fields.push(("host", b"other.example:8"));
    assert_eq!(
        read(&fields).unwrap().0.uri.authority().unwrap(),
        "other.example:8"
    );
}

#[test]
fn rfc9114_4_3_1_authority_and_host_agree() {
    assert!(read(&with(&[("host", b"Example.com")])).is_ok());
    malformed(read(&with(&[("host", b"example.org")])));
    malformed(read(&with(&[("host", b"example.com:443")])));
    malformed(read(&with(&[
        ("host", b"example.com"),
        ("host", b"example.com"),
    ])));
    malformed(read(&with(&[("host", b"")])));
}

#[test]
fn rfc9114_4_3_1_bad_authorities_are_refused() {
    for authority in [
        &b""[..],
        b"user@example.com",
        b"a/b",
        b"a b",
        b"a?b",
        b"a\0",
        b"[::1",
    ] {
        let mut fields = GET.to_vec();
        fields[2].1 = authority;
        malformed(read(&fields));
    }
}

#[test]
fn bad_methods_and_schemes_are_refused() {
    for (at, value) in [
        (0, &b""[..]),
        (0, b"G ET"),
        (0, b"GET\r"),
        (1, b""),
        (1, b"ht tp"),
        (1, b"1:"),
    ] {
        let mut fields = GET.to_vec();
        fields[at].1 = value;
        malformed(read(&fields));
    }
}

#[test]
fn rfc9114_4_2_names_are_lower_case_tokens() {
    for name in [
        "Accept", "x-A", "a b", "a:", "", "a\0", "a\n", "a\u{e9}", "a(b)",
    ] {
        malformed(read(&with(&[(name, b"1")])));
    }
}

#[test]
fn rfc9114_10_3_values_hold_no_control_characters() {
    for value in [&b"a\0"[..], b"a\nb", b"a\rb", b"\x7f", b"a\x01b", b"\x1b["] {
        malformed(read(&with(&[("x", value)])));
        malformed(read(&with(&[("cookie", value)])));
    }
    assert!(read(&with(&[("x", b"a\tb \x80\xff"), ("y", b"")])).is_ok());
}

#[test]
fn rfc9110_5_5_values_have_no_white_space_around_them() {
    for value in [&b" a"[..], b"a ", b"\ta", b"a\t", b" ", b"\t"] {
        malformed(read(&with(&[("x", value)])));
    }
}

#[test]
fn rfc9114_4_2_connection_specific_fields_are_refused() {
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ] {
        malformed(read(&with(&[(name, b"close")])));
    }
    malformed(read(&with(&[("te", b"gzip")])));
    malformed(read(&with(&[("te", b"trailers, gzip")])));
    assert!(read(&with(&[("te", b"trailers")])).is_ok());
}

#[test]
fn rfc9110_8_6_content_length_is_one_number() {
    for value in [
        &b""[..],
        b"-1",
        b"+1",
        b"1,1",
        b"1, 1",
        b"0x1",
        b"1 1",
        b"18446744073709551616",
    ] {
        malformed(read(&with(&[("content-length", value)])));
    }
    malformed(read(&with(&[
        ("content-length", b"1"),
        ("content-length", b"1"),
    ])));
    malformed(read(&with(&[
        ("content-length", b"1"),
        ("content-length", b"2"),
    ])));
    let (_, content) = read(&with(&[("content-length", b"007")])).unwrap();
    assert_eq!(content, Content::Message(Some(7)));
}

#[test]
fn rfc9114_4_2_1_cookie_crumbs_are_joined() {
    let (parts, _) = read(&with(&[
        ("cookie", b"a=1"),
        ("x", b"y"),
        ("cookie", b"b=2"),
        ("cookie", b"c=3"),
    ]))
    .unwrap();
    let cookies: Vec<_> = parts.headers.get_all("cookie").iter().collect();
    assert_eq!(cookies, ["a=1; b=2; c=3"]);
}

#[test]
fn rfc9114_4_4_connect_has_an_authority_only() {
    let connect: Fields<'_> = &[(":method", b"CONNECT"), (":authority", b"example.com:443")];
    let (parts, content) = read(connect).unwrap();
    assert_eq!(parts.uri, "example.com:443");
    assert_eq!(content, Content::Tunnel);
    malformed(read(&connect[..1]));
    for extra in [(":scheme", &b"https"[..]), (":path", b"/")] {
        malformed(read(&[connect, &[extra]].concat()));
    }
}

#[test]
fn rfc9220_3_extended_connect_keeps_its_protocol() {
    let mut fields = GET.to_vec();
    fields[0].1 = b"CONNECT";
    fields.push((":protocol", b"websocket"));
    let (parts, content) = read(&fields).unwrap();
    assert_eq!(
        parts.extensions.get::<Protocol>().unwrap().as_str(),
        "websocket"
    );
    assert_eq!(parts.uri, "https://example.com/a?b=c");
    assert_eq!(content, Content::Tunnel);

    malformed(request(&payload(&fields), LIMITS, false));
    for at in 1..4 {
        let mut fewer = fields.clone();
        fewer.remove(at);
        malformed(read(&fewer));
    }
    fields[0].1 = b"GET";
    malformed(read(&fields));
}

#[test]
fn rfc9114_4_3_2_a_response_is_read() {
    let head = payload(&[(":status", b"299"), ("content-length", b"5")]);
    let (parts, length) = response(&head, LIMITS).unwrap();
    assert_eq!(parts.status, 299);
    assert_eq!(length, Some(5));
}

#[test]
fn rfc9114_4_3_2_a_response_has_one_status() {
    let bad: [Fields<'_>; 9] = [
        &[],
        &[("x", b"1")],
        &[(":status", b"200"), (":status", b"200")],
        &[(":status", b"20")],
        &[(":status", b"2000")],
        &[(":status", b"099")],
        &[(":status", b"abc")],
        &[(":status", b"200"), (":path", b"/")],
        &[("x", b"1"), (":status", b"200")],
    ];
    for fields in bad {
        malformed(response(&payload(fields), LIMITS));
    }
}

#[test]
fn rfc9114_4_5_status_101_is_refused() {
    malformed(response(&payload(&[(":status", b"101")]), LIMITS));
}

#[test]
fn rfc9114_4_3_trailers_have_no_pseudo_fields() {
    assert!(trailers(&payload(&[("x-sum", b"1")]), LIMITS).is_ok());
    malformed(trailers(&payload(&[(":status", b"200")]), LIMITS));
    malformed(trailers(&payload(&[(":path", b"/")]), LIMITS));
    malformed(trailers(&payload(&[("X", b"/")]), LIMITS));
    malformed(trailers(
        &payload(&[("transfer-encoding", b"chunked")]),
        LIMITS,
    ));
    malformed(trailers(&payload(&[("content-length", b"0")]), LIMITS));
    malformed(trailers(&payload(&[("host", b"a")]), LIMITS));
}

fn sent(write: impl FnOnce(&mut BytesMut) -> Result<(), compose::Refusal>) -> BytesMut {
    let mut out = BytesMut::new();
    write(&mut out).unwrap();
    let (len, used) = varint::decode(&out[1..]).unwrap();
    let payload = out.split_off(1 + used);
    assert_eq!(payload.len() as u64, len);
    payload
}

#[test]
fn a_request_is_sent_as_it_is_read() {
    let (parts, ()) = http::Request::post("https://example.com/x?y")
        .header("host", "ignored.example")
        .header("connection", "close")
        .header("te", "gzip")
        .header("x", "1")
        .header("x", "2")
        .header("content-length", "3")
        .body(())
        .unwrap()
        .into_parts();
    let head = sent(|out| compose::request(&parts, u64::MAX, out));
    let (got, content) = request(&head, LIMITS, false).unwrap();
    assert_eq!(got.method, Method::POST);
    assert_eq!(got.uri, parts.uri);
    assert_eq!(got.headers.len(), 3);
    assert_eq!(got.headers.get_all("x").iter().count(), 2);
    assert_eq!(content, Content::Message(Some(3)));
}

#[test]
fn rfc9220_3_extended_connect_is_sent_as_it_is_read() {
    let (mut parts, ()) = http::Request::connect("https://example.com/chat")
        .body(())
        .unwrap()
        .into_parts();
    parts.extensions.insert(Protocol::new("websocket"));
    let head = sent(|out| compose::request(&parts, u64::MAX, out));
    let (got, _) = request(&head, LIMITS, true).unwrap();
    assert_eq!(got.uri, parts.uri);
    assert_eq!(
        got.extensions.get::<Protocol>(),
        Some(&Protocol::new("websocket"))
    );
}

#[test]
fn rfc9114_4_2_2_what_the_peer_does_not_take_is_not_sent() {
    let mut headers = HeaderMap::new();
    headers.insert("x", HeaderValue::from_static("12345"));
    let size = 7 + 3 + 32 + 1 + 5 + 32;
    let mut out = BytesMut::new();
    let status = StatusCode::OK;
    assert!(compose::response(status, &headers, false, size, &mut out).is_ok());
    assert_eq!(
        compose::response(status, &headers, false, size - 1, &mut out),
        Err(compose::Refusal::TooLarge)
    );
}

#[test]
fn rfc9114_4_5_status_101_is_not_sent() {
    let mut out = BytesMut::new();
    let status = StatusCode::SWITCHING_PROTOCOLS;
    assert!(compose::response(status, &HeaderMap::new(), false, u64::MAX, &mut out).is_err());
}

#[test]
fn rfc9204_4_5_4_sensitive_fields_stay_sensitive() {
    let mut headers = HeaderMap::new();
    let mut secret = HeaderValue::from_static("nosniff");
    secret.set_sensitive(true);
    headers.insert("x-content-type-options", secret.clone());
    headers.insert("x-secret", secret);
    let head = sent(|out| compose::response(StatusCode::OK, &headers, false, u64::MAX, out));
    let (parts, _) = response(&head, LIMITS).unwrap();
    assert_eq!(parts.headers.len(), 2);
    assert!(parts.headers.values().all(HeaderValue::is_sensitive));
}

proptest! {
    #[test]
    fn any_fields_are_read_without_panic(
        fields in proptest::collection::vec(
            (prop_oneof![
                Just(":method"), Just(":scheme"), Just(":authority"), Just(":path"), Just(":protocol"),
                Just(":status"), Just("host"), Just("cookie"), Just("content-length"), Just("x"), Just("X"),
            ],
            prop_oneof![
                Just(b"CONNECT".to_vec()), Just(b"GET".to_vec()), Just(b"https".to_vec()), Just(b"/".to_vec()),
                Just(b"200".to_vec()), proptest::collection::vec(any::<u8>(), 0..12),
            ]), 0..8),
    ) {
        let fields: Vec<(&str, &[u8])> = fields.iter().map(|(n, v)| (*n, &v[..])).collect();
        let payload = payload(&fields);
        let _ = request(&payload, LIMITS, true);
        let _ = response(&payload, LIMITS);
        let _ = trailers(&payload, LIMITS);
    }

    #[test]
    fn headers_that_are_sent_are_read_alike(
        fields in proptest::collection::vec(("[a-z][a-z0-9-]{0,9}", "[!-~]([ -~]{0,20}[!-~])?"), 0..20),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in &fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            let value = HeaderValue::from_str(value).unwrap();
            if !is_connection_specific(&name) && name != "te" && name != "content-length" {
                headers.append(name, value);
            }
        }
        let head = sent(|out| compose::response(StatusCode::OK, &headers, false, u64::MAX, out));
        let (parts, _) = response(&head, LIMITS).unwrap();
        prop_assert_eq!(parts.headers, headers);
    }
}
