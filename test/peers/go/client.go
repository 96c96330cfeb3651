package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// answer is what the client saw of one response, printed as JSON.
type answer struct {
	HTTP          string      `json:"http"`
	Status        int         `json:"status"`
	Informational []int       `json:"informational"`
	Headers       [][2]string `json:"headers"`
	Bytes         int64       `json:"bytes"`
	SHA256        string      `json:"sha256"`
	Text          string      `json:"text"`
	Trailers      [][2]string `json:"trailers"`
	Resumed       bool        `json:"resumed"`
	Rebound       bool        `json:"rebound"`
	Cancelled     bool        `json:"cancelled"`
	Error         string      `json:"error,omitempty"`
	Code          *uint64     `json:"code,omitempty"`
}

type asked struct {
	url, method string
	send        int64
	unsized     bool
	cancelAfter int64
	trailer     bool
	timeout     time.Duration
}

// connection is one transport connection and what can be done to it.
type connection struct {
	trip    http.RoundTripper
	rebind  func(context.Context) error
	resumed func(*http.Response) bool
	close   func()
}

func client(args []string) {
	var ask asked
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	flags.StringVar(&ask.url, "url", "", "what to ask for")
	flags.StringVar(&ask.method, "method", "GET", "method")
	flags.Int64Var(&ask.send, "send", -1, "bytes of request body")
	flags.BoolVar(&ask.unsized, "unsized", false, "send the body without content-length")
	flags.BoolVar(&ask.trailer, "trailer", false, "send the request trailer x-sent")
	flags.Int64Var(&ask.cancelAfter, "cancel-after", -1, "cancel after this many bytes of body")
	flags.DurationVar(&ask.timeout, "timeout", 20*time.Second, "for the whole of it")
	version := flags.String("http", "h3", "h1, h2 or h3")
	ca := flags.String("ca", "", "trusted certificates, PEM")
	rebind := flags.Bool("rebind", false, "change the local port after the first MB (h3)")
	resume := flags.Bool("resume", false, "ask on a second connection with the session of a first")
	flags.Parse(args)

	trusted := x509.NewCertPool()
	pem, err := os.ReadFile(*ca)
	if err != nil || !trusted.AppendCertsFromPEM(pem) {
		fail("no trusted certificates in " + *ca)
	}
	security := &tls.Config{RootCAs: trusted, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	open := func(ctx context.Context) (*connection, error) { return dial(ctx, *version, ask.url, security) }

	ctx, cancel := context.WithTimeout(context.Background(), ask.timeout)
	defer cancel()
	if *resume {
		first, err := open(ctx)
		if err != nil {
			show(answer{Error: err.Error()})
			return
		}
		exchange(ctx, first, ask, false)
		// TLS 1.3 tickets come after the handshake, and nothing tells when.
		time.Sleep(100 * time.Millisecond)
		first.close()
	}
	second, err := open(ctx)
	if err != nil {
		show(answer{Error: err.Error(), Code: code(err)})
		return
	}
	show(exchange(ctx, second, ask, *rebind))
	second.close()
}

func exchange(ctx context.Context, to *connection, ask asked, rebind bool) (out answer) {
	out = answer{Informational: []int{}, Headers: [][2]string{}, Trailers: [][2]string{}}
	defer func() {
		if err := recover(); err != nil {
			out.Error = fmt.Sprint(err)
		}
	}()
	ctx, cancel := context.WithCancel(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			out.Informational = append(out.Informational, code)
			return nil
		}}))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, ask.method, ask.url, nil)
	if err != nil {
		out.Error = err.Error()
		return
	}
	if ask.send >= 0 {
		request.Body = io.NopCloser(&generated{left: ask.send, trailer: func() {
			if ask.trailer {
				request.Trailer.Set("X-Sent", "after the body")
			}
		}})
		request.ContentLength = ask.send
		if ask.unsized || ask.trailer {
			request.ContentLength = -1
		}
		if ask.trailer {
			request.Trailer = http.Header{"X-Sent": nil}
		}
	}
	failed := func(err error) answer {
		out.Error, out.Code = err.Error(), code(err)
		return out
	}
	response, err := to.trip.RoundTrip(request)
	if err != nil {
		return failed(err)
	}
	defer response.Body.Close()
	out.HTTP, out.Status = response.Proto, response.StatusCode
	out.Headers, out.Resumed = pairs(response.Header), to.resumed(response)
	sum := sha256.New()
	block := make([]byte, 32*1024)
	for {
		n, err := response.Body.Read(block)
		sum.Write(block[:n])
		out.Bytes += int64(n)
		if out.Bytes <= 4096 {
			out.Text += string(block[:n])
		}
		if ask.cancelAfter >= 0 && out.Bytes >= ask.cancelAfter {
			out.Cancelled = true
			return
		}
		if rebind && !out.Rebound && out.Bytes >= 1<<20 {
			if err := to.rebind(ctx); err != nil {
				return failed(fmt.Errorf("rebind: %w", err))
			}
			out.Rebound = true
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return failed(err)
		}
	}
	out.SHA256 = hex.EncodeToString(sum.Sum(nil))
	out.Trailers = pairs(response.Trailer)
	return
}

// generated is a request body of the pattern.
type generated struct {
	sent, left int64
	trailer    func()
}

func (g *generated) Read(p []byte) (int, error) {
	if g.left == 0 {
		g.trailer()
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), g.left)]
	pattern(p, g.sent)
	g.sent += int64(len(p))
	g.left -= int64(len(p))
	return len(p), nil
}

func dial(ctx context.Context, version, url string, security *tls.Config) (*connection, error) {
	if version == "h3" {
		return dialQUIC(ctx, url, security)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(version == "h1")
	if version == "h2" {
		protocols.SetHTTP2(strings.HasPrefix(url, "https:"))
		protocols.SetUnencryptedHTTP2(strings.HasPrefix(url, "http:"))
	}
	transport := &http.Transport{TLSClientConfig: security.Clone(), Protocols: &protocols, DisableCompression: true}
	return &connection{
		trip:    transport,
		rebind:  func(context.Context) error { return errors.New("only HTTP/3 connections can move") },
		resumed: func(r *http.Response) bool { return r.TLS != nil && r.TLS.DidResume },
		close:   transport.CloseIdleConnections,
	}, nil
}

func dialQUIC(ctx context.Context, url string, security *tls.Config) (*connection, error) {
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return nil, err
	}
	address, err := net.ResolveUDPAddr("udp", request.URL.Host)
	if err != nil {
		return nil, err
	}
	socket := func() (*quic.Transport, error) {
		packets, err := net.ListenUDP("udp", nil)
		return &quic.Transport{Conn: packets}, err
	}
	from, err := socket()
	if err != nil {
		return nil, err
	}
	security = security.Clone()
	security.ServerName = request.URL.Hostname()
	security.NextProtos = []string{http3.NextProtoH3}
	conn, err := from.Dial(ctx, address, security, &quic.Config{})
	if err != nil {
		return nil, err
	}
	over := &http3.Transport{DisableCompression: true}
	return &connection{
		trip: over.NewClientConn(conn),
		rebind: func(ctx context.Context) error {
			to, err := socket()
			if err != nil {
				return err
			}
			path, err := conn.AddPath(to)
			if err != nil {
				return err
			}
			if err := path.Probe(ctx); err != nil {
				return err
			}
			return path.Switch()
		},
		resumed: func(*http.Response) bool { return conn.ConnectionState().TLS.DidResume },
		close:   func() { conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") },
	}, nil
}

// code is the HTTP/3 or QUIC error code behind err, if there is one.
func code(err error) *uint64 {
	var h3 *http3.Error
	var application *quic.ApplicationError
	var transport *quic.TransportError
	var stream *quic.StreamError
	var value uint64
	switch {
	case errors.As(err, &h3):
		value = uint64(h3.ErrorCode)
	case errors.As(err, &stream):
		value = uint64(stream.ErrorCode)
	case errors.As(err, &application):
		value = uint64(application.ErrorCode)
	case errors.As(err, &transport):
		value = uint64(transport.ErrorCode)
	default:
		return nil
	}
	return &value
}

func pairs(header http.Header) [][2]string {
	list := [][2]string{}
	for name, values := range header {
		for _, value := range values {
			list = append(list, [2]string{strings.ToLower(name), value})
		}
	}
	return list
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
