// The yardstick of hook_latency.py: a gate in memory behind Go's net/http, with the bodies and statuses of ours.
// It keeps nothing on disk, knows no releases and runs no tests: what is left is the cost of HTTP and JSON.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
)

type payload struct {
	Name, Namespace, Phase, Checksum string
	Metadata                         map[string]string
}

func main() {
	var lock sync.RWMutex
	open := map[string]bool{}
	http.HandleFunc("/hooks/confirm-promotion", func(answer http.ResponseWriter, request *http.Request) {
		var body payload
		if json.NewDecoder(request.Body).Decode(&body) != nil {
			answer.WriteHeader(http.StatusBadRequest)
			return
		}
		lock.RLock()
		passed := open[body.Name+"."+body.Namespace+"."+body.Metadata["gate"]]
		lock.RUnlock()
		if !passed {
			answer.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(answer, "waiting for approval of gate %s of %s.%s\n", body.Metadata["gate"], body.Name, body.Namespace)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening at http://" + listener.Addr().String())
	panic(http.Serve(listener, nil))
}
