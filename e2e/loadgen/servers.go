package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const body = `{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}]}`

// Of an error's text, in the name of its kind.
const mostText = 120

// server is one pod, and the connections to it that wait for a request.
type server struct {
	address string
	request []byte
	mutex   sync.Mutex
	idle    []*connection
	gone    bool
}

type connection struct {
	net.Conn
	reader *bufio.Reader
}

// servers are those that are ready. HTTP is spoken by hand: net/http costs several times the processor
// time, and the servers have the same two cores.
type servers struct {
	model string
	fresh bool
	mutex sync.Mutex
	ready []*server
}

func newServers(model string, fresh bool) *servers { return &servers{model: model, fresh: fresh} }

// replace takes a new list. A server that left it gets its idle connections closed: Triton waits for
// them when it stops.
func (s *servers) replace(addresses []string) {
	s.mutex.Lock()
	known := map[string]*server{}
	for _, one := range s.ready {
		known[one.address] = one
	}
	s.ready = nil
	for _, address := range addresses {
		one := known[address]
		delete(known, address)
		if one == nil {
			one = &server{address: address, request: s.request(address)}
		}
		s.ready = append(s.ready, one)
	}
	s.mutex.Unlock()
	for _, one := range known {
		one.leave()
	}
}

func (s *servers) request(address string) []byte {
	return []byte(fmt.Sprintf("POST /v2/models/%s/infer HTTP/1.1\r\nHost: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", s.model, address, len(body), body))
}

func (s *servers) choose(random *rand.Rand) *server {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.ready) == 0 {
		return nil
	}
	return s.ready[random.Intn(len(s.ready))]
}

// ask sends one request; "" or why it failed, in words that count kinds.
func (s *servers) ask(chosen *server, deadline time.Time) string {
	if chosen == nil {
		return "no server is ready"
	}
	used, err := chosen.connection(deadline)
	if err != nil {
		return kind("connecting", err)
	}
	used.SetDeadline(deadline)
	if _, err = used.Write(chosen.request); err != nil {
		used.Close()
		return kind("sending", err)
	}
	response, err := http.ReadResponse(used.reader, nil)
	if err != nil {
		used.Close()
		return kind("waiting", err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		used.Close()
		return kind("reading", err)
	}
	chosen.release(used, s.fresh || response.Close)
	if response.StatusCode != http.StatusOK {
		return fmt.Sprintf("HTTP %d: %s", response.StatusCode, text[:min(len(text), mostText)])
	}
	return ""
}

func kind(what string, err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "unanswered"
	}
	var failed *net.OpError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return what + ": " + err.Error()
}

func (s *server) connection(deadline time.Time) (*connection, error) {
	s.mutex.Lock()
	if last := len(s.idle) - 1; last >= 0 {
		used := s.idle[last]
		s.idle = s.idle[:last]
		s.mutex.Unlock()
		return used, nil
	}
	s.mutex.Unlock()
	dialer := net.Dialer{Deadline: deadline}
	made, err := dialer.Dial("tcp", s.address)
	if err != nil {
		return nil, err
	}
	return &connection{made, bufio.NewReaderSize(made, 1024)}, nil
}

func (s *server) release(used *connection, close bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if close || s.gone {
		used.Close()
		return
	}
	s.idle = append(s.idle, used)
}

func (s *server) leave() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.gone = true
	for _, one := range s.idle {
		one.Close()
	}
	s.idle = nil
}

// rejected says whether a failure is a server's refusal of work that it cannot do in time.
func rejected(problem string) bool {
	for _, words := range []string{"HTTP 429", "HTTP 503", "timeout expired", "maximum queue size"} {
		if strings.Contains(problem, words) {
			return true
		}
	}
	return false
}
