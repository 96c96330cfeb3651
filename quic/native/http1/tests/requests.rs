//! RFC 9112 sections 2 to 7 for requests: what is taken, what is refused, and with what status.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use harmony_http1::Limits;
use harmony_http1::codec::{Framing, HeadError, Request, request};
use proptest::prelude::*;

fn parse(text: impl Into<Bytes>) -> Result<Option<(Request, usize)>, HeadError> {
    request(&text.into(), &Limits::default())
}

fn accept(text: &'static str) -> Request {
    match parse(text) {
        Ok(Some((request, length))) => {
            assert_eq!(length, text.find("\r\n\r\n").unwrap() + 4, "{text:?}");
            request
        }
        other => panic!("{text:?}: {other:?}"),
    }
}

/// Vector, status, source.
const REFUSED: &[(&str, u16, &str)] = &[
    // Line ends.
    (
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        400,
        "9112 2.2 bare lf after the request line",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        400,
        "9112 2.2 bare lf after a field",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        400,
        "9112 2.2 bare lf as the empty line",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\n\n",
        400,
        "9112 2.2 bare lfs alone",
    ),
    (
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        400,
        "9112 2.2 bare cr after the request line",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        400,
        "9112 2.2 bare cr between fields",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
        400,
        "9112 2.2 bare cr in a value",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        400,
        "9112 2.2 two crs",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n",
        400,
        "9112 2.2 cr before the empty line",
    ),
    (
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 2.2 bare lf before the request line",
    ),
    // Request line.
    (
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3 space before the method",
    ),
    (
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3 two spaces",
    ),
    (
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3 two spaces before the version",
    ),
    (
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        400,
        "9112 3 space after the version",
    ),
    ("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, "9112 3 tabs"),
    ("GET /\r\n\r\n", 400, "9112 3 http/0.9"),
    ("GET\r\n\r\n", 400, "9112 3 method alone"),
    (
        "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n",
        400,
        "9112 3 four words",
    ),
    (
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2 space in the target",
    ),
    (
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.1 method that is no token",
    ),
    (
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 2.3 case of the version",
    ),
    (
        "GET / HTTP/1.1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 2.3 long version",
    ),
    (
        "GET / HTTP/01.1\r\nHost: a\r\n\r\n",
        400,
        "9112 2.3 long major version",
    ),
    ("GET / HTTP/1,1\r\nHost: a\r\n\r\n", 400, "9112 2.3 comma"),
    (
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        505,
        "9110 15.6.6 unknown minor version",
    ),
    (
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        505,
        "9110 15.6.6 unknown major version",
    ),
    (
        "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
        505,
        "9110 15.6.6 old version",
    ),
    (
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        505,
        "9113 3.4 preface of http/2",
    ),
    // Target.
    (
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2 fragment",
    ),
    (
        "GET http://a/#b HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2 fragment in absolute-form",
    ),
    (
        "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "3986 2 not ascii",
    ),
    ("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400, "3986 2 del"),
    (
        "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "3986 2 control",
    ),
    (
        "GET /a<b HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "3986 2 what http::Uri does not hold",
    ),
    (
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2.1 no slash",
    ),
    (
        "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2.3 authority-form is for connect",
    ),
    (
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2.4 asterisk-form is for options",
    ),
    (
        "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2.3 connect to a path",
    ),
    (
        "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2.3 connect without a port",
    ),
    (
        "CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2.3 connect to a uri",
    ),
    (
        "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9110 4.2.1 empty host",
    ),
    (
        "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9110 4.2.4 userinfo",
    ),
    (
        "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        400,
        "9112 3.2.2 host differs",
    ),
    (
        "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2.2 port differs",
    ),
    (
        "GET https://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2.2 not the default port",
    ),
    (
        "GET http:a HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "3986 3 scheme without authority",
    ),
    // Host.
    ("GET / HTTP/1.1\r\n\r\n", 400, "9112 3.2 no host"),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        400,
        "9112 3.2 two hosts",
    ),
    (
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        400,
        "9112 3.2 two hosts in http/1.0",
    ),
    (
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        400,
        "9110 4.2.1 empty host",
    ),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "9110 7.2 space"),
    ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "9110 7.2 list"),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "9110 7.2 slash"),
    (
        "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
        400,
        "9110 7.2 userinfo",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
        400,
        "9110 7.2 port of letters",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        400,
        "9110 7.2 port too large",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n",
        400,
        "9110 7.2 two ports",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a#\r\n\r\n",
        400,
        "9110 7.2 fragment",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n",
        400,
        "3986 2.1 bad percent-encoding",
    ),
    (
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        400,
        "3986 3.2.2 open bracket",
    ),
    (
        "GET / HTTP/1.1\r\nHost: [zz]\r\n\r\n",
        400,
        "3986 3.2.2 no address",
    ),
    (
        "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n",
        400,
        "3986 3.2.2 text after the bracket",
    ),
    (
        "GET / HTTP/1.1\r\nHost: \u{e4}\r\n\r\n",
        400,
        "9110 7.2 not ascii",
    ),
    // Field lines.
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
        400,
        "9112 5.1 space before the colon",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n",
        400,
        "9112 5.1 tab before the colon",
    ),
    (
        "GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n",
        400,
        "9112 2.2 space before the first field",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        400,
        "9112 5.2 obs-fold",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n",
        400,
        "9112 5.2 obs-fold with a tab",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n",
        400,
        "9112 5.2 obs-fold of an empty value",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        400,
        "9110 5.1 empty name",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        400,
        "9112 5 no colon",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n",
        400,
        "9110 5.1 space in a name",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n",
        400,
        "9110 5.1 delimiter in a name",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX\u{e4}: b\r\n\r\n",
        400,
        "9110 5.1 name not ascii",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        400,
        "9110 5.5 nul in a value",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n",
        400,
        "9110 5.1 nul in a name",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\x0bb\r\n\r\n",
        400,
        "9110 5.5 vertical tab in a value",
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n",
        400,
        "9110 5.5 del in a value",
    ),
    // Transfer-Encoding.
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        400,
        "9112 6.1 te and cl",
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        "9112 6.1 cl and te",
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        "9112 6.1 cl 0 and te",
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n",
        400,
        "9112 6.1 cl and unknown te",
    ),
    (
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        "9112 6.1 te in http/1.0",
    ),
];

/// Values of Transfer-Encoding.
const CODINGS: &[(&str, u16, &str)] = &[
    ("xchunked", 400, "9112 7 unknown coding"),
    ("chunkedx", 400, "9112 7 unknown coding"),
    ("chunked, chunked", 400, "9112 6.1 chunked twice"),
    ("chunked,", 400, "9112 6.1 empty member"),
    (",chunked", 400, "9112 6.1 empty first member"),
    ("", 400, "9112 6.1 empty"),
    ("chunked, gzip", 400, "9112 6.3 chunked is not last"),
    ("identity", 400, "9112 7 identity is gone"),
    ("chunked;q=1", 400, "9112 7.1 parameters of chunked"),
    ("\"chunked\"", 400, "9112 7 quoted"),
    ("chunked\x0b", 400, "9110 5.5 vertical tab"),
    ("gzip, chunked", 501, "9112 6.1 coding that we do not have"),
    (
        "identity, chunked",
        501,
        "9112 6.1 coding that we do not have",
    ),
    ("gzip", 400, "9112 6.3 chunked is not last"),
    (
        "chunked\r\nTransfer-Encoding: chunked",
        400,
        "9112 6.1 chunked in two lines",
    ),
    (
        "gzip\r\nTransfer-Encoding: chunked",
        400,
        "9112 6.1 codings in two lines",
    ),
    (
        "chunked\r\nTransfer-Encoding: identity",
        400,
        "9112 6.1 codings in two lines",
    ),
    ("\u{212a}chunked", 400, "9112 7 not ascii"),
    ("chun\u{212a}ed", 400, "9112 7 a letter that folds to k"),
    ("\tchunked\r\nTransfer_Encoding : x", 400, "9112 5.1"),
];

/// Values of Content-Length.
const LENGTHS: &[(&str, &str)] = &[
    ("+5", "9112 6.2 sign"),
    ("-5", "9112 6.2 sign"),
    ("5, 5", "9112 6.3 list of equal values"),
    ("5,6", "9112 6.3 list of different values"),
    ("5\r\nContent-Length: 5", "9112 6.3 two equal lines"),
    ("5\r\nContent-Length: 6", "9112 6.3 two different lines"),
    ("5\r\ncontent-length: 6", "9112 6.3 case of the name"),
    ("", "9112 6.2 empty"),
    ("5 5", "9112 6.2 space"),
    ("0x5", "9112 6.2 hexadecimal"),
    ("5.0", "9112 6.2 fraction"),
    ("5e1", "9112 6.2 exponent"),
    ("5;", "9112 6.2 parameter"),
    ("\u{665}", "9112 6.2 digit of another script"),
    ("18446744073709551616", "9112 6.3 overflow of 64 bits"),
    ("00000000000000000000000005", "9112 6.3 overlong"),
    ("99999999999999999999999999999999", "9112 6.3 overlong"),
    ("1_000", "9112 6.2 separator"),
];

#[test]
fn what_is_ambiguous_is_refused() {
    let post = |field: &str, value: &str| {
        format!("POST / HTTP/1.1\r\nHost: a\r\n{field}: {value}\r\n\r\n")
    };
    let mut vectors = Vec::new();
    vectors.extend(
        REFUSED
            .iter()
            .map(|(text, status, why)| ((*text).to_owned(), *status, *why)),
    );
    vectors.extend(
        CODINGS
            .iter()
            .map(|(value, status, why)| (post("Transfer-Encoding", value), *status, *why)),
    );
    vectors.extend(
        LENGTHS
            .iter()
            .map(|(value, why)| (post("Content-Length", value), 400, *why)),
    );
    let mut wrong = Vec::new();
    for (text, status, source) in vectors {
        match parse(text.clone()) {
            Err(error) if error.status == status && !error.closed => {}
            other => wrong.push(format!("{source}: {text:?}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn targets_are_held_byte_for_byte() {
    for (target, method) in [
        ("/", "GET"),
        ("/a?b", "GET"),
        ("//a//b", "GET"),
        ("/%2e%2E/../.", "GET"),
        ("/a?", "GET"),
        ("/?a=b&c=|", "GET"),
        ("/?a?b/c", "GET"),
        ("/a;b=c,d:e@f", "GET"),
        ("*", "OPTIONS"),
        ("host:443", "CONNECT"),
        ("[::1]:443", "CONNECT"),
        ("http://host/a?b", "GET"),
        ("http://host:80/", "GET"),
    ] {
        let host = if target.starts_with('[') {
            "[::1]:443"
        } else {
            "host"
        };
        let host = if target == "host:443" {
            "host:443"
        } else {
            host
        };
        let text = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let (request, _) = parse(text)
            .unwrap_or_else(|e| panic!("{target}: {e}"))
            .unwrap();
        assert_eq!(request.parts.uri.to_string(), target);
        assert_eq!(request.parts.method.as_str(), method);
    }
}

#[test]
fn absolute_form_keeps_its_parts_and_agrees_with_host() {
    let request = accept("GET http://Example.com/a?b HTTP/1.1\r\nHost: example.COM:80\r\n\r\n");
    assert_eq!(request.parts.uri.scheme_str(), Some("http"));
    assert_eq!(request.parts.uri.authority().unwrap(), "Example.com");
    assert_eq!(request.parts.uri.path_and_query().unwrap(), "/a?b");
    let request = accept("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(request.parts.uri.path(), "/");
    accept("GET http://a/ HTTP/1.0\r\n\r\n");
}

#[test]
fn valid_hosts_are_taken() {
    for host in [
        "a",
        "a.b-c_d~e",
        "127.0.0.1:80",
        "[::1]",
        "[2001:db8::1]:8080",
        "a:",
        "a%20b",
    ] {
        let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert!(matches!(parse(text), Ok(Some(_))), "{host}");
    }
}

#[test]
fn repeated_fields_keep_their_order_and_bytes_survive() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY:\xff\xfe \t \r\nx: 2\r\nZ:\r\n\r\n";
    let (request, _) = parse(Bytes::from_static(head)).unwrap().unwrap();
    let values: Vec<_> = request.parts.headers.get_all("x").iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(request.parts.headers["y"].as_bytes(), b"\xff\xfe");
    assert_eq!(request.parts.headers["z"], "");
}

#[test]
fn framing_follows_section_6_3() {
    let post = |fields: &str| {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        parse(text).unwrap().unwrap().0.framing
    };
    assert_eq!(post(""), Framing::Empty);
    assert_eq!(post("Content-Length: 0\r\n"), Framing::Empty);
    assert_eq!(post("Content-Length: \t5 \r\n"), Framing::Length(5));
    assert_eq!(
        post("Content-Length: 9999999999999999999\r\n"),
        Framing::Length(9999999999999999999)
    );
    assert_eq!(post("Transfer-Encoding: chunked\r\n"), Framing::Chunked);
    assert_eq!(post("transfer-encoding: CHUNKED \r\n"), Framing::Chunked);
}

#[test]
fn persistence_follows_section_9_3() {
    assert!(accept("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
    assert!(!accept("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keep_alive);
    assert!(!accept("GET / HTTP/1.0\r\n\r\n").keep_alive);
    assert!(accept("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    let both = "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n";
    assert!(!accept(both).keep_alive);
}

#[test]
fn only_a_client_with_content_and_http_1_1_expects_continue() {
    let text = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n";
    assert!(accept(text).expects);
    assert!(!accept("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expects);
    assert!(
        !accept("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expects
    );
}

#[test]
fn heads_are_bounded() {
    let limits = Limits {
        max_head_bytes: 400,
        max_fields: 40,
        max_target_bytes: 100,
        ..Limits::default()
    };
    let status = |text: String| match request(&Bytes::from(text), &limits) {
        Ok(_) => 0,
        Err(error) => error.status,
    };
    let head = "GET / HTTP/1.1\r\nHost: a\r\n";
    assert_eq!(
        status(format!(
            "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n",
            "a".repeat(99)
        )),
        0
    );
    assert_eq!(
        status(format!(
            "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n",
            "a".repeat(100)
        )),
        414
    );
    // Before the end of the line, too.
    assert_eq!(status(format!("GET /{}", "a".repeat(200))), 414);
    assert_eq!(status(format!("{head}X: {}\r\n\r\n", "a".repeat(400))), 431);
    assert_eq!(status(format!("{head}X: {}", "a".repeat(400))), 431);
    assert_eq!(status(format!("{head}{}\r\n", "X:\r\n".repeat(39))), 0);
    assert_eq!(status(format!("{head}{}\r\n", "X:\r\n".repeat(40))), 431);
    let few = Limits {
        max_fields: 2,
        ..Limits::default()
    };
    let text = Bytes::from(format!("{head}X:\r\nX:\r\n\r\n"));
    assert_eq!(request(&text, &few).unwrap_err().status, 431);
}

#[test]
fn what_is_no_http_is_refused_before_a_line_ends() {
    assert_eq!(parse(&b"\x16\x03\x01\x02\x00"[..]).unwrap_err().status, 400);
    assert!(parse("GET / HT").unwrap().is_none());
    assert!(parse("").unwrap().is_none());
}

/// The grammar of a head, written again and naively, to be held against the parser.
fn strict(text: &[u8]) -> bool {
    let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let section = &text[..end + 2];
    let mut rest = section;
    let mut lines = Vec::new();
    while let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    let token = |bytes: &[u8]| {
        !bytes.is_empty()
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
    };
    let words: Vec<_> = lines[0].split(|b| *b == b' ').collect();
    let line = words.len() == 3
        && token(words[0])
        && words[1]
            .iter()
            .all(|b| (0x21..0x7f).contains(b) && *b != b'#')
        && (words[2] == b"HTTP/1.1" || words[2] == b"HTTP/1.0");
    let fields = lines[1..].iter().all(|line| {
        line.iter().position(|b| *b == b':').is_some_and(|colon| {
            token(&line[..colon])
                && line[colon + 1..]
                    .iter()
                    .all(|b| *b == b'\t' || (*b >= b' ' && *b != 127))
        })
    });
    line && fields
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            "GET",
            "POST",
            " ",
            "/",
            "*",
            "HTTP/1.1",
            "HTTP/1.0",
            "\r\n",
            "\r\n\r\n",
            "\n",
            "\r",
            ":",
            ": ",
            "Host: a\r\n",
            "Host: a\r\n",
            "Content-Length: 5\r\n",
            "\t",
            "a",
            "\0",
            "#",
            "Transfer-Encoding: chunked\r\n",
            "X: b\r\n",
            "http://a/",
            "\u{e4}",
            "Connection: close",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

fn heads() -> impl Strategy<Value = Vec<u8>> {
    (any::<bool>(), prop::collection::vec(piece(), 0..24)).prop_map(|(start, pieces)| {
        let mut text = if start {
            b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec()
        } else {
            Vec::new()
        };
        text.extend(pieces.concat());
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_no_request_comes_of_what_the_grammar_refuses(text in heads()) {
        if let Ok(Some((request, length))) = parse(text.clone()) {
            prop_assert!(strict(&text[..length]));
            let headers = &request.parts.headers;
            let lengths = headers.get_all("content-length").iter().count();
            let codings = headers.get_all("transfer-encoding").iter().count();
            prop_assert!(lengths + codings <= 1);
            prop_assert!(headers.get_all("host").iter().count() <= 1);
        }
    }

    #[test]
    fn a_prefix_of_a_good_head_is_never_refused(cut in 0usize..95) {
        let text = b"POST /some/path?query HTTP/1.1\r\nHost: example.com\r\nA: b\r\n\
            Content-Length: 5\r\nEmpty:\r\n\r\n";
        let cut = cut.min(text.len() - 1);
        prop_assert!(matches!(parse(Bytes::copy_from_slice(&text[..cut])), Ok(None)));
    }
}
