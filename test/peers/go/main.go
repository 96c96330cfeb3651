// goquic is a client and an origin server on quic-go and net/http, for tests
// that need a peer which is not ours. Both speak HTTP/1.1, HTTP/2 and HTTP/3
// and print JSON; the paths of the origin and the fields of the client's answer
// are described in test/peers/README.md and shared with the aioquic peer.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: goquic origin|client [flags]")
	}
	switch os.Args[1] {
	case "origin":
		origin(os.Args[2:])
	case "client":
		client(os.Args[2:])
	default:
		fail("usage: goquic origin|client [flags]")
	}
}

func show(value any) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fail(err.Error())
	}
}

func fail(reason string) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}

// pattern fills p with the bytes that stand at offset in every generated body:
// byte i is i mod 251, a prime, so that a lost or repeated block shows.
func pattern(p []byte, offset int64) {
	for i := range p {
		p[i] = byte((offset + int64(i)) % 251)
	}
}
