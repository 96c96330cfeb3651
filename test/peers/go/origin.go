package main

import (
	"crypto/tls"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// seen counts what a test wants to know of the far side of a gateway.
type seen struct {
	Requests  atomic.Int64
	Cancelled atomic.Int64
	Uploaded  atomic.Int64
	// Endless bodies under way: none after the last was cancelled.
	Endless atomic.Int64
}

func origin(args []string) {
	flags := flag.NewFlagSet("origin", flag.ExitOnError)
	host := flags.String("host", "127.0.0.1", "address to listen on")
	certificate := flags.String("cert", "", "certificate chain, PEM")
	key := flags.String("key", "", "private key, PEM")
	flags.Parse(args)

	identity, err := tls.LoadX509KeyPair(*certificate, *key)
	if err != nil {
		fail(err.Error())
	}
	packets, secure, err := samePort(*host)
	if err != nil {
		fail(err.Error())
	}
	plain, err := net.Listen("tcp", net.JoinHostPort(*host, "0"))
	if err != nil {
		fail(err.Error())
	}

	mux := routes(&seen{})
	// Aborted handshakes are part of the tests and no news.
	silence := log.New(io.Discard, "", 0)
	var both http.Protocols
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	failed := make(chan error, 3)
	go func() {
		server := http.Server{Handler: mux, Protocols: &both, ErrorLog: silence}
		failed <- server.Serve(plain)
	}()
	go func() {
		server := http.Server{Handler: mux, ErrorLog: silence,
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{identity}}}
		failed <- server.ServeTLS(secure, "", "")
	}()
	go func() {
		server := http3.Server{Handler: mux, QUICConfig: &quic.Config{},
			TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{identity}})}
		failed <- server.Serve(packets)
	}()
	show(map[string]any{"ready": true, "port": port(packets.LocalAddr()), "plain": port(plain.Addr())})
	fail((<-failed).Error())
}

// samePort finds a port that is free for both TCP and UDP.
func samePort(host string) (net.PacketConn, net.Listener, error) {
	var last error
	for range 16 {
		packets, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, nil, err
		}
		stream, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, stream, nil
		}
		packets.Close()
		last = err
	}
	return nil, nil, last
}

func port(address net.Addr) int {
	_, text, _ := net.SplitHostPort(address.String())
	number, _ := strconv.Atoi(text)
	return number
}

func routes(counts *seen) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/bytes/{length}", sized)
	mux.HandleFunc("/cut/{length}", cut)
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { echo(counts, w, r) })
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Checksum")
		io.WriteString(w, "hello\n")
		w.Header().Set("X-Checksum", "after the body")
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		io.WriteString(w, "hello\n")
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) { endless(counts, w, r) })
	mux.HandleFunc("/silent", func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		counts.Cancelled.Add(1)
	})
	mux.HandleFunc("/seen", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, map[string]int64{"requests": counts.Requests.Load(),
			"cancelled": counts.Cancelled.Load(), "uploaded": counts.Uploaded.Load(),
			"endless": counts.Endless.Load()})
	})
	mux.HandleFunc("/head", head)
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, page)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counts.Requests.Add(1)
		mux.ServeHTTP(w, r)
	})
}

func sized(w http.ResponseWriter, r *http.Request) {
	length, err := strconv.ParseInt(r.PathValue("length"), 10, 64)
	if err != nil || length < 0 {
		http.Error(w, "length is not a number", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	if r.Method == http.MethodHead {
		return
	}
	fill(w, length)
}

// cut promises twice the length that it sends and then breaks off.
func cut(w http.ResponseWriter, r *http.Request) {
	length, _ := strconv.ParseInt(r.PathValue("length"), 10, 64)
	w.Header().Set("Content-Length", strconv.FormatInt(2*length, 10))
	fill(w, length)
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
	panic(http.ErrAbortHandler)
}

func fill(w io.Writer, length int64) {
	block := make([]byte, 64*1024)
	for sent := int64(0); sent < length; {
		block = block[:min(int64(cap(block)), length-sent)]
		pattern(block, sent)
		n, err := w.Write(block)
		if err != nil {
			return
		}
		sent += int64(n)
	}
}

func echo(counts *seen, w http.ResponseWriter, r *http.Request) {
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	if kind := r.Header.Get("Content-Type"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	// net/http closes the request body at the first byte of an HTTP/1.1
	// answer unless told that both directions run at once.
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	// Trailers need a body in chunks, which a short answer would not be.
	_ = control.Flush()
	n, err := io.Copy(w, r.Body)
	counts.Uploaded.Add(n)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range r.Trailer {
		for _, value := range values {
			w.Header().Add(http.TrailerPrefix+name, value)
		}
	}
}

func endless(counts *seen, w http.ResponseWriter, r *http.Request) {
	counts.Endless.Add(1)
	defer counts.Endless.Add(-1)
	block := make([]byte, 16*1024)
	for offset := int64(0); ; offset += int64(len(block)) {
		pattern(block, offset)
		if _, err := w.Write(block); err != nil || r.Context().Err() != nil {
			counts.Cancelled.Add(1)
			return
		}
	}
}

// page says in a browser how it, a download and an upload came.
const page = `<!doctype html><title>page</title><pre id="result"></pre><script type="module">
const hop = (name) => performance.getEntriesByName(new URL(name, location).href)[0].nextHopProtocol
const down = await (await fetch('/bytes/1000000')).arrayBuffer()
const up = await (await fetch('/echo', { method: 'POST', body: new Uint8Array(100000) })).arrayBuffer()
const first = performance.getEntriesByType('navigation')[0].nextHopProtocol
document.getElementById('result').textContent =
  [first, down.byteLength, hop('/bytes/1000000'), up.byteLength, hop('/echo')].join(' ')
</script>
`

func head(w http.ResponseWriter, r *http.Request) {
	names := map[string][]string{}
	for name, values := range r.Header {
		names[strings.ToLower(name)] = values
	}
	writeJSON(w, map[string]any{"method": r.Method, "path": r.RequestURI,
		"authority": r.Host, "http": r.Proto, "headers": names, "length": r.ContentLength})
}
